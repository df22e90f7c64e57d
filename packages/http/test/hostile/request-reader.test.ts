import { createServer } from 'node:http'
import { duplexPair } from 'node:stream'
import { TAILRACE_ROUTES } from '@tailrace/http'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readHead } from '../../src/node/head.ts'
import type { StreamHead } from '../../src/node/head.ts'
import { RouteTable } from '../../src/route-table.ts'
import { fuzz, FUZZ } from './fuzz.ts'

const table = new RouteTable(TAILRACE_ROUTES)
const readStreamHead = (bytes: Buffer): StreamHead | 'incomplete' | 'other' =>
  readHead(bytes, (path) => table.streams(path))

/** A request as somebody understood it. */
interface Meaning {
  readonly method: string | undefined
  readonly target: string | undefined
  /** By lower-case name, in order. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
}

/** All that `node:http` makes of some bytes; `refused` with them when it refused any. */
function meaningsOf(bytes: Buffer): Promise<(Meaning | 'refused')[]> {
  return new Promise((resolve) => {
    const meanings: (Meaning | 'refused')[] = []
    const server = createServer({ requireHostHeader: false }, (request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')))
      request.on('end', () => {
        const { method, url, rawHeaders } = request
        const headers = rawHeaders.flatMap((key, i): [string, string][] =>
          i % 2 === 0 ? [[key.toLowerCase(), rawHeaders[i + 1]!]] : [],
        )
        meanings.push({ method, target: url, headers, body })
        response.end()
      })
    })
    server.on('clientError', (_, socket) => {
      meanings.push('refused')
      socket.destroy()
    })
    const [client, accepted] = duplexPair()
    accepted.on('close', () => resolve(meanings))
    client.on('error', () => {})
    server.emit('connection', accepted)
    client.resume()
    client.end(bytes)
  })
}

const name = fc.constantFrom(
  'Host',
  'host',
  'Accept',
  'Last-Event-ID',
  'Cookie',
  'Authorization',
  'Origin',
  'X-Forwarded-For',
  'Connection',
  'Content-Length',
  'Transfer-Encoding',
  'Expect',
  'Upgrade',
  'TE',
  'X',
  'X ',
  ' X',
  'X_Y',
  'Ho\0st',
  'Höst',
  '',
  'Set-Cookie',
  'Keep-Alive',
  'Proxy-Connection',
  'Content-Encoding',
  '__proto__',
  'constructor',
)
const value = fc.oneof(
  fc.constantFrom(
    'h',
    '',
    '0',
    '1',
    'keep-alive',
    'close',
    'chunked',
    'text/event-stream',
    'a, b',
    'a\tb',
    'a\r\n b',
    'a\rb',
    'a\nb',
    '\x7f',
    'é',
    '\0',
  ),
  fc.string({ maxLength: 12 }),
)
const colon = fc.constantFrom(': ', ':', ':  ', ' : ', ':\t', ': \t ')
const lineEnd = fc.oneof(
  { weight: 30, arbitrary: fc.constant('\r\n') },
  fc.constantFrom('\n', '\r', '\r\r\n', '\r\n ', '\r\n\r\n', ' \r\n', '\t\r\n'),
)
const header = fc.tuple(name, colon, value, lineEnd).map((parts) => parts.join(''))
const target = fc.oneof(
  fc.constantFrom(
    '/topics/a',
    '/events?topic=a',
    '/topics/a?x=%00',
    '/topics//a',
    '/topics/a#b',
    '/eventsource',
    'http://x/topics/a',
    '*',
    '/topics/a b',
    '/topics/\u00e9',
    '/events',
  ),
  fc.string({ maxLength: 12 }).map((text) => `/topics/${text}`),
)
const requestLine = fc
  .tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constant('GET') },
      fc.constantFrom('get', 'POST', 'HEAD', ' GET', 'GE T'),
    ),
    fc.oneof({ weight: 9, arbitrary: fc.constant(' ') }, fc.constantFrom('  ', '\t', '')),
    target,
    fc.oneof(
      { weight: 9, arbitrary: fc.constant(' HTTP/1.1') },
      fc.constantFrom(' HTTP/1.0', ' HTTP/1.2', ' http/1.1', '', ' HTTP/1.1 '),
    ),
    lineEnd,
  )
  .map((parts) => parts.join(''))
const rest = fc.oneof(
  { weight: 9, arbitrary: fc.constant('\r\n') },
  fc.constantFrom('', '\n', '\r\n\r\n', '\r\nx', '\r\nGET / HTTP/1.1\r\n\r\n'),
)
const request = fc
  .tuple(requestLine, fc.constantFrom('Host: h\r\n', ''), fc.array(header, { maxLength: 4 }), rest)
  .map(([line, host, headers, end]) => `${line}${host}${headers.join('')}${end}`)

test('a request that the front reads means the same to node:http, and nothing besides', FUZZ, async () => {
  let read = 0
  await fuzz(
    fc.asyncProperty(request, async (text) => {
      const bytes = Buffer.from(text, 'latin1')
      const head = readStreamHead(bytes)
      if (typeof head === 'string') return
      read += 1
      const { target: url, headers } = head
      const expected = { method: 'GET', target: url, headers: [...headers], body: '' }
      expect(await meaningsOf(bytes)).toEqual([expected])
    }),
    10_000,
  )
  // Else it would have looked at refusals only.
  expect(read).toBeGreaterThan(500)
})

test(
  'bytes that are no request for a stream are never taken for one, however they are cut',
  FUZZ,
  async () => {
    await fuzz(
      fc.property(request, fc.nat(), (text, at) => {
        const bytes = Buffer.from(text, 'latin1')
        const part = readStreamHead(bytes.subarray(0, at % (bytes.length + 1)))
        // A decision about the beginning must not be another one than about all of it.
        expect(part === 'other' ? readStreamHead(bytes) : 'other').toBe('other')
      }),
      10_000,
    )
  },
)
