import type { Input } from './input.ts'
import { answerOn, exchange, send, toHttp1 } from './request.ts'
import type { Request } from './request.ts'
import { connectTo, inTime } from './target.ts'

const KIB = 1024
const NDJSON = [['Content-Type', 'application/x-ndjson']] as const

/** JSON values of roughly the given size. */
const VALUES: Readonly<Record<string, (bytes: number) => string>> = {
  text: (bytes) => `"${'x'.repeat(bytes)}"`,
  'empty objects': (bytes) => `[${repeat('{},', bytes)}{}]`,
  'empty lists': (bytes) => `[${repeat('[],', bytes)}[]]`,
  'numbers written in another way': (bytes) => `[${repeat('1e1,', bytes)}1]`,
  'short numbers': (bytes) => `[${repeat('1,', bytes)}1]`,
  'one long number': (bytes) => '1'.repeat(bytes),
  'one long fraction': (bytes) => `0.${'1'.repeat(bytes)}e99999`,
  nulls: (bytes) => `[${repeat('null,', bytes)}null]`,
  'short texts': (bytes) => `[${repeat('"",', bytes)}""]`,
  escapes: (bytes) => `"${repeat('\\n', bytes)}"`,
  'escapes of Unicode': (bytes) => `"${repeat('\\u0001', bytes)}"`,
  surrogates: (bytes) => `"${repeat('\\ud83d\\ude00', bytes)}"`,
  'halves of surrogates': (bytes) => `"${repeat('\\ud83d', bytes)}"`,
  'line ends': (bytes) => `"${repeat('\\r', bytes)}"`,
  'nested lists': (bytes) => '['.repeat(bytes / 2) + ']'.repeat(bytes / 2),
  'nested objects': (bytes) => `${repeat('{"a":', (bytes * 5) / 6)}1${repeat('}', bytes / 6)}`,
  'many keys': (bytes) => `{${numbered(bytes / 11, (i) => `"k${i}":1`)}}`,
  'numeric keys': (bytes) => `{${numbered(bytes / 9, (i) => `"${i * 7}":1`)}}`,
  'one key many times': (bytes) => `{${repeat('"k":1,', bytes)}"k":1}`,
  'one long key': (bytes) => `{"${'k'.repeat(bytes)}":1}`,
  blanks: (bytes) => `[${' '.repeat(bytes)}]`,
  'an end that never comes': (bytes) => '['.repeat(bytes),
  'a mismatch at the end': (bytes) => `[${repeat('{},', bytes)}]`,
}

/** Lines whose fields are oversized, unknown or repeated. */
const LINES: Readonly<Record<string, (bytes: number) => string>> = {
  'an unknown field with a long name': (bytes) => `{"data":1,"${'x'.repeat(bytes)}":1}`,
  'an unknown field with a large value': (bytes) => `{"data":1,"x":[${repeat('{},', bytes)}{}]}`,
  'many unknown fields': (bytes) => `{"data":1,${numbered(bytes / 11, (i) => `"k${i}":1`)}}`,
  'one field many times': (bytes) => `{${repeat('"data":1,', bytes)}"data":1}`,
  'a long topic': (bytes) => `{"data":1,"topic":"${'x/'.repeat(bytes / 2)}x"}`,
  'a long type': (bytes) => `{"data":1,"type":"${'x'.repeat(bytes)}"}`,
  'a long key': (bytes) => `{"data":1,"key":"${'x'.repeat(bytes)}"}`,
  'a long idempotencyKey': (bytes) => `{"data":1,"idempotencyKey":"${'x'.repeat(bytes)}"}`,
  'a long traceparent': (bytes) => `{"data":1,"traceparent":"${'0'.repeat(bytes)}"}`,
  'a long tracestate': (bytes) =>
    `{"data":1,"traceparent":"00-${'1'.repeat(32)}-${'1'.repeat(16)}-01","tracestate":"${' '.repeat(bytes)}x"}`,
}

/** Whole batches of roughly the given size. */
const BATCHES: Readonly<Record<string, (bytes: number) => string>> = {
  'line ends': (bytes) => '\n'.repeat(bytes),
  'blank lines': (bytes) => repeat(' \r\n', bytes),
  'blanks on one line': (bytes) => ' '.repeat(bytes),
  'blanks of Unicode': (bytes) => '\u2003'.repeat(bytes / 3),
  'small events': (bytes) => repeat('{"data":1}\n', bytes),
  'small events and a bad one': (bytes) => `${repeat('{"data":1}\n', bytes)}x`,
  'events with a key each': (bytes) => numbered(bytes / 24, (i) => `{"data":1,"key":"${i}"}`, '\n'),
  'repeats of one event': (bytes) => repeat('{"data":1,"idempotencyKey":"i"}\n', bytes),
  'lines of nothing but {': (bytes) => repeat('{\n', bytes),
}

function repeat(unit: string, bytes: number): string {
  return unit.repeat(bytes / unit.length)
}

function numbered(count: number, write: (i: number) => string, separator = ','): string {
  return Array.from({ length: count }, (_, i) => write(i)).join(separator)
}

/** NDJSON: one line within `--max-event`, one beyond it, and batches of many lines; then chunked bodies. */
export function bodyInputs(batchBytes: number): Input[] {
  const inputs: Input[] = []
  const add = (name: string, family: string, size: number, build: (bytes: number) => string): void => {
    const request = (body: string): Request => ({ method: 'POST', path: '/topics/t', headers: NDJSON, body })
    inputs.push({ name, family, size, run: (hub, bytes) => send(hub, request(build(bytes))) })
  }
  const lines = { ...LINES }
  for (const [name, build] of Object.entries(VALUES))
    lines[`data of ${name}`] = (bytes) => `{"data":${build(bytes)}}`
  for (const [name, build] of Object.entries(lines)) {
    add(`a line with ${name}`, `line: ${name}`, 240 * KIB, build)
    add(`a line beyond the limit with ${name}`, `long line: ${name}`, batchBytes, build)
    add(`lines of 4 KiB with ${name}`, `lines: ${name}`, batchBytes, (bytes) =>
      `${build(4 * KIB)}\n`.repeat(bytes / (4 * KIB)),
    )
  }
  for (const [name, build] of Object.entries(BATCHES)) {
    add(`a batch of ${name}`, `batch: ${name}`, batchBytes, build)
  }
  add('a small batch of small events', 'small batch', 2 * KIB, BATCHES['small events']!)
  return inputs.concat(chunkedInputs())
}

const CHUNKED: Request = { method: 'POST', path: '/topics/t', headers: [['Transfer-Encoding', 'chunked']] }

/** Bodies in which the framing of HTTP/1.1 outweighs the content. */
function chunkedInputs(): Input[] {
  const bodies: Readonly<Record<string, (bytes: number) => string>> = {
    'chunks of a byte': (bytes) => `${repeat('1\r\nx\r\n', bytes)}0\r\n\r\n`,
    'extensions of chunks': (bytes) => `1;${'x'.repeat(bytes)}\r\nx\r\n0\r\n\r\n`,
    'an extension on each chunk': (bytes) => `${repeat('1;a=b\r\nx\r\n', bytes)}0\r\n\r\n`,
    'zeros before the length of a chunk': (bytes) => `${'0'.repeat(bytes)}1\r\nx\r\n0\r\n\r\n`,
    'many trailers': (bytes) => `1\r\nx\r\n0\r\n${repeat('a: b\r\n', bytes)}\r\n`,
    'a trailer of blanks': (bytes) => `1\r\nx\r\n0\r\na: ${' '.repeat(bytes)}b\r\n\r\n`,
  }
  const inputs = Object.entries(bodies).map(([name, build]): Input => {
    return {
      name,
      family: name,
      size: 128 * KIB,
      // Node hands over each chunk by itself.
      worth: 50,
      run: (hub, bytes) => exchange(hub, [toHttp1(hub, CHUNKED), build(bytes)]),
    }
  })
  return [
    ...inputs,
    {
      name: 'a packet for each byte of a body',
      family: 'slow body',
      size: 1_000,
      async run(hub, bytes) {
        const socket = await connectTo(hub)
        try {
          const headers = [['Content-Length', `${bytes}`]] as const
          socket.write(toHttp1(hub, { method: 'POST', path: '/topics/t', headers }))
          const answer = answerOn(socket)
          for (let i = 0; i < bytes; i += 1) {
            socket.write('x')
            await new Promise(setImmediate)
          }
          return await inTime('an answer', answer)
        } finally {
          socket.destroy()
        }
      },
    },
  ]
}
