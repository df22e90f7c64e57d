import { createServer } from 'node:http'
import { duplexPair } from 'node:stream'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPlain } from '../read-plain.ts'
import { fuzz, FUZZ } from './fuzz.ts'

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
      // Bytes are refused before the requests in front of them have ended.
      setImmediate(() => {
        meanings.push('refused')
        socket.destroy()
      })
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
      { weight: 9, arbitrary: fc.constantFrom('GET', 'POST') },
      fc.constantFrom('get', 'post', 'PUT', 'HEAD', ' GET', 'GE T', ' POST'),
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
const ending = fc.oneof(
  { weight: 9, arbitrary: fc.constant('\r\n') },
  fc.constantFrom(
    '',
    '\n',
    '\r\n\r\n',
    '\r\nx',
    '\r\nGET / HTTP/1.1\r\n\r\n',
    '\r\nxPOST /topics/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx',
  ),
)
const length = fc.oneof(
  { weight: 9, arbitrary: fc.constant('') },
  { weight: 9, arbitrary: fc.constantFrom('Content-Length: 0\r\n', 'Content-Length: 1\r\n') },
  fc
    .constantFrom(
      '00',
      '01',
      '+1',
      '-0',
      '1 ',
      '1,1',
      '1, 1',
      '0x1',
      '1.0',
      '1e0',
      '',
      ' ',
      '9007199254740993',
      '\xb9',
    )
    .map((text) => `Content-Length: ${text}\r\n`),
)
const request = fc
  .tuple(requestLine, fc.constantFrom('Host: h\r\n', ''), length, fc.array(header, { maxLength: 4 }), ending)
  .map(([line, host, size, headers, end]) => `${line}${host}${size}${headers.join('')}${end}`)

test(
  'a request that the front reads means the same to node:http, and so does what follows it',
  FUZZ,
  async () => {
    const read = { GET: 0, POST: 0 }
    await fuzz(
      fc.asyncProperty(request, async (text) => {
        const bytes = Buffer.from(text, 'latin1')
        const head = readPlain(bytes)
        if (typeof head === 'string') return
        const { method, target: url, headers, bodyLength } = head
        const start = bytes.indexOf('\r\n\r\n') + 4
        const [body, rest] = [bytes.subarray(start, start + bodyLength), bytes.subarray(start + bodyLength)]
        if (body.length < bodyLength) return
        read[method] += 1
        const expected = { method, target: url, headers: [...headers], body: body.toString('latin1') }
        expect(await meaningsOf(bytes)).toEqual([expected, ...(await meaningsOf(rest))])
      }),
      20_000,
    )
    // Else it would have looked at refusals only.
    expect(Math.min(read.GET, read.POST)).toBeGreaterThan(300)
  },
)

test('bytes that are no plain request are never taken for one, however they are cut', FUZZ, async () => {
  await fuzz(
    fc.property(request, fc.nat(), (text, at) => {
      const bytes = Buffer.from(text, 'latin1')
      const part = readPlain(bytes.subarray(0, at % (bytes.length + 1)))
      // A decision about the beginning must not be another one than about all of it.
      expect(part === 'other' ? readPlain(bytes) : 'other').toBe('other')
    }),
    10_000,
  )
})
