import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeadBuffer } from '../src/node/head-buffer.ts'
import { readPlain } from './read-plain.ts'

const read = (text: string): ReturnType<typeof readPlain> => readPlain(Buffer.from(text, 'latin1'))

describe('a plain request for a stream', () => {
  test('is read: its target, and its headers by lower-case name', () => {
    expect(
      read('GET /topics/a?from=start HTTP/1.1\r\nHost: h\r\nAccept:  text/event-stream \r\nX-Y:\r\n\r\n'),
    ).toEqual({
      method: 'GET',
      target: '/topics/a?from=start',
      bodyLength: 0,
      headers: new Map([
        ['host', 'h'],
        ['accept', 'text/event-stream'],
        ['x-y', ''],
      ]),
    })
  })

  test('is incomplete until its last byte', () => {
    const text = 'GET /events?topic=a HTTP/1.1\r\nHost: h\r\n\r\n'
    for (let length = 0; length < text.length; length += 1)
      expect(read(text.slice(0, length))).toBe('incomplete')
    expect(read(text)).toMatchObject({ target: '/events?topic=a' })
  })
})

test.each([
  ['another method', 'PUT /topics/a HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['another path', 'GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['a path that only begins like ours', 'GET /eventsource HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['the absolute form', 'GET http://h/topics/a HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['HTTP/1.0', 'GET /topics/a HTTP/1.0\r\nHost: h\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['no host', 'GET /topics/a HTTP/1.1\r\nAccept: */*\r\n\r\n'],
  ['two hosts', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n'],
  ['a header that is there twice', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nAccept: a\r\naccept: b\r\n\r\n'],
  ['a body', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n'],
  ['a chunked body', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['an upgrade', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n'],
  ['an expectation', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n'],
  ['a connection that is to be closed', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'],
  ['a second request behind it', 'GET /topics/a HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n\r\n'],
  ['a folded header', 'GET /topics/a HTTP/1.1\r\nHost: h\r\nAccept: a\r\n b\r\n\r\n'],
  ['a space before a colon', 'GET /topics/a HTTP/1.1\r\nHost : h\r\n\r\n'],
  ['a bare line feed', 'GET /topics/a HTTP/1.1\nHost: h\r\n\r\n'],
  ['a bare line feed in a header', 'GET /topics/a HTTP/1.1\r\nHost: h\nAccept: b\r\n\r\n'],
  ['a bare carriage return', 'GET /topics/a HTTP/1.1\r\nHost: h\rAccept: b\r\n\r\n'],
  ['a NUL', 'GET /topics/a HTTP/1.1\r\nHost: h\0\r\n\r\n'],
  ['a space in the target', 'GET /topics/a b HTTP/1.1\r\nHost: h\r\n\r\n'],
  ['a byte over ASCII in the target', 'GET /topics/\u00e9 HTTP/1.1\r\nHost: h\r\n\r\n'],
  [
    'very many headers',
    `GET /topics/a HTTP/1.1\r\nHost: h\r\n${'a'.repeat(1)}: b\r\n\r\n`.replace(
      'a: b',
      Array.from({ length: 70 }, (_, i) => `h${i}: x`).join('\r\n'),
    ),
  ],
])('%s is left to node:http', (_, text) => {
  expect(read(text)).toBe('other')
})

test('no bytes make it fail, and what it reads is what was written', () => {
  const piece = fc.constantFrom(
    'GET ',
    '/topics/a',
    '/events?topic=a',
    ' HTTP/1.1',
    '\r\n',
    '\r',
    '\n',
    '\r\n\r\n',
    'Host: h',
    'Accept: */*',
    'Last-Event-ID: x.1',
    ':',
    ' ',
    '\t',
    '\0',
    '\u00ff',
    'Content-Length: 0',
    'x',
  )
  const head = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
    fc
      .array(piece, { maxLength: 8 })
      .map((pieces) => `GET /topics/a HTTP/1.1\r\nHost: h\r\n${pieces.join('')}\r\n\r\n`),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  )
  fc.assert(
    fc.property(head, (text) => {
      const result = read(text)
      if (typeof result === 'string') return
      // Written again from what was read, it is the same request, whatever the case and white space were.
      const again = [`GET ${result.target} HTTP/1.1`, ...Array.from(result.headers, ([k, v]) => `${k}: ${v}`)]
      const squeezed = (s: string): string => s.toLowerCase().replaceAll(/[\t ]/g, '')
      expect(squeezed(`${again.join('\r\n')}\r\n\r\n`)).toBe(squeezed(text))
    }),
    { numRuns: 5_000 },
  )
})

/** How long the fastest of a few runs takes, in milliseconds. */
function fastest(work: () => void): number {
  const runs = Array.from({ length: 5 }, () => {
    const began = performance.now()
    work()
    return performance.now() - began
  })
  return Math.min(...runs)
}

test.each([
  ['spaces before a byte that no header may have', (n: number) => `b:${' '.repeat(n)}\u0001`],
  ['spaces within a value', (n: number) => `b: b${' '.repeat(n)}b`],
  ['tabs and spaces', (n: number) => `b:${'\t '.repeat(n / 2)}\u007f`],
  ['spaces before a colon', (n: number) => `b${' '.repeat(n)}: b`],
  ['a name without an end', (n: number) => 'b'.repeat(n)],
])('%s take time in proportion to their number', (_, header) => {
  const head = (n: number): Buffer =>
    Buffer.from(`GET /topics/a HTTP/1.1\r\nHost: h\r\n${header(n)}\r\n\r\n`, 'latin1')
  const [small, large] = [head(2_000), head(64_000)]
  readPlain(small)
  // Sixteen times what is proportional; what grows with the square takes a thousand times as long.
  expect(fastest(() => readPlain(large))).toBeLessThan(
    32 *
      16 *
      Math.max(
        0.02,
        fastest(() => readPlain(small)),
      ),
  )
})

test('a head that comes a byte at a time is collected in time in proportion to its length', () => {
  const collect = (length: number) => (): void => {
    const head = new HeadBuffer()
    for (let i = 0; i < length; i += 1) head.add(Buffer.from('x'))
    expect(head.end).toBe(undefined)
    expect(head.bytes).toHaveLength(length)
  }
  collect(1_000)()
  expect(fastest(collect(160_000))).toBeLessThan(16 * 8 * fastest(collect(10_000)))
})

test('the end of a head is found wherever its packets are cut', () => {
  const text = 'GET /topics/a HTTP/1.1\r\nA: \r\r\nHost: h\r\n\r\n'
  for (let size = 1; size <= text.length; size += 1) {
    const head = new HeadBuffer()
    for (let at = 0; at < text.length; at += size) {
      expect(head.end).toBe(undefined)
      head.add(Buffer.from(text.slice(at, at + size)))
    }
    expect(head.end).toBe(text.length)
    expect(head.bytes.toString()).toBe(text)
  }
})
