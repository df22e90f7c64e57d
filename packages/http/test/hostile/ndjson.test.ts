import { HttpError } from '@tailrace/http'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchReader } from '../../src/ndjson.ts'
import { fuzz, FUZZ } from './fuzz.ts'

const json = fc.json({ maxDepth: 3 })
const field = fc.constantFrom(
  'data',
  'type',
  'key',
  'idempotencyKey',
  'topic',
  'end',
  'Data',
  '__proto__',
  'toString',
  '',
)
const fieldValue = fc.oneof(
  json,
  fc.constantFrom(
    '"t"',
    '"t"',
    'true',
    'false',
    'null',
    '1.0',
    '-0',
    '1e400',
    '"\\ud800"',
    '{"data":1}',
    '"a\\nid: 1"',
  ),
)
const object = fc
  .array(fc.tuple(field, fieldValue), { maxLength: 4 })
  .map((pairs) => `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`)
const line = fc.oneof(
  { weight: 5, arbitrary: object },
  { weight: 5, arbitrary: json.map((data) => `{"data":${data},"topic":"t"}`) },
  json,
  fc.constantFrom(
    '',
    ' ',
    '\t',
    '\ufeff',
    '\u2028',
    '{',
    '[1]',
    '{"data":1}}',
    "{'data':1}",
    '{"data":01}',
    '{"data":1,}',
    '{"data":NaN}',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => text.replaceAll('\n', '')),
)
const batch = fc.array(line, { maxLength: 6 })

const LIMITS = { maxEventBytes: 16 * 1024 * 1024, maxBatchBytes: 16 * 1024 * 1024, maxBatchEvents: 10_000 }

/** Reads a batch that arrives in chunks of some size. */
function read(text: string, topic: string | undefined, chunkBytes = 7): BatchReader {
  const reader = new BatchReader({ limits: LIMITS, topic })
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.add(bytes.subarray(at, at + chunkBytes))
  reader.finish()
  return reader
}

function parse(lines: readonly string[], topic: string | undefined): BatchReader | HttpError {
  try {
    return read(lines.join('\n'), topic)
  } catch (error) {
    if (HttpError.is(error)) return error
    throw error
  }
}

test(
  'a batch is read as its JSON says, or refused at its first bad line and nowhere else',
  FUZZ,
  async () => {
    const seen = { read: 0, refused: 0 }
    await fuzz(
      fc.property(batch, fc.constantFrom('t', undefined), (lines, topic) => {
        const result = parse(lines, topic)
        if (result instanceof HttpError) {
          seen.refused += 1
          const bad = Number(result.details['line'])
          expect(result.code).toBe('invalid-ndjson')
          expect(parse(lines.slice(0, bad - 1), topic)).not.toBeInstanceOf(HttpError)
          expect(parse(lines.slice(bad - 1, bad), topic)).toBeInstanceOf(HttpError)
          return
        }
        const written = lines.flatMap((text, i) => (text.trim() === '' ? [] : [i + 1]))
        expect(result.lines).toEqual(written)
        if (written.length > 0) seen.read += 1
        for (const [i, event] of result.events.entries()) {
          const said = JSON.parse(lines[written[i]! - 1]!) as Record<string, unknown>
          const { data, ...others } = event
          expect(
            typeof said['data'] === 'string' ? data : data === '' ? undefined : JSON.parse(data),
          ).toEqual(said['data'])
          expect({ ...others, topic: others.topic }).toEqual({
            topic: said['topic'] ?? topic,
            type: said['type'],
            key: said['key'],
            idempotencyKey: said['idempotencyKey'],
            end: said['end'],
          })
        }
      }),
      5_000,
    )
    expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(300)
  },
)

const number = fc.stringMatching(/^-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?$/)

test('a number is stored as it was written, wherever it is', FUZZ, async () => {
  await fuzz(
    fc.property(number, (text) => {
      for (const data of [text, `[${text}]`, `{"a":[{"b":${text}}]}`]) {
        expect(read(`{"data":${data}}`, 't').events[0]!.data).toBe(data)
      }
    }),
    3_000,
  )
})

test.each(['[', '{"a":', '[{"a":'])('a nest of %s is read or refused, however deep', (open) => {
  const close = open
    .split('')
    .toReversed()
    .map((c) => ({ '[': ']', '{': '}' })[c] ?? '')
    .join('')
  for (let depth = 1; depth < 200_000; depth *= 2) {
    const data = `${open.repeat(depth)}1${close.repeat(depth)}`
    const result = parse([`{"data":${data}}`], 't')
    if (result instanceof HttpError)
      expect(result).toMatchObject({ code: 'invalid-ndjson', details: { line: 1 } })
    else expect(result.events[0]!.data).toBe(data)
  }
})
