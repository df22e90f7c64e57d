import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeRecord } from '../src/record/decode.ts'
import { encodeEntry, encodeRecord } from '../src/record/encode.ts'
import type { Entry } from '../src/record/record.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const topic = fc
  .array(fc.stringMatching(/^[a-z0-9é]{1,6}$/), { minLength: 1, maxLength: 3 })
  .map((all) => all.join('/'))
const offset = fc.integer({ min: 1, max: 2 ** 50 })
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined })

const event = fc.record({
  topic,
  data: text,
  type: optional(text),
  key: optional(text),
  end: optional(fc.constant(true as const)),
  idempotencyKey: optional(text),
  trace: optional(
    fc.oneof(fc.record({ traceparent: text }), fc.record({ traceparent: text, tracestate: text })),
  ),
})

const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ kind: fc.constant('batch' as const), events: fc.array(event, { maxLength: 5 }) }),
  fc.record({ kind: fc.constant('note' as const), note: fc.record({ key: text, until: offset }) }),
  fc.record({ kind: fc.constant('purge' as const), topic }),
  fc.record({ kind: fc.constant('epoch' as const), epoch: fc.stringMatching(/^[a-z0-9]{1,32}$/) }),
  fc.record({
    kind: fc.constant('removal' as const),
    removal: fc.record({
      offsets: fc.uniqueArray(offset).map((all) => all.toSorted((a, b) => a - b)),
      forgotten: fc.array(topic),
      answers: fc.array(fc.tuple(topic, text)),
      now: offset,
    }),
  }),
  fc.record({
    kind: fc.constant('part' as const),
    part: fc.record({
      position: offset,
      number: fc.nat(),
      isLast: fc.boolean(),
      table: fc.constant('notes' as const),
      rows: fc.array(fc.tuple(text, offset)),
    }),
  }),
)

const HEAD = { epoch: 'abc', node: 'n1', number: 7 }

const bytesOf = (entries: readonly Entry[], time?: number): Uint8Array =>
  encodeRecord({ ...HEAD, time }, entries.map(encodeEntry))

test('a record is decoded as it was encoded', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), optional(offset), (entries, time) => {
      expect(decodeRecord(bytesOf(entries, time))).toEqual({ ...HEAD, time, entries })
    }),
  )
})

test('bytes that are not a record are foreign, whatever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(decodeRecord(bytes)).toBe('foreign')
    }),
  )
})

test('JSON that only begins like a record is foreign, and never breaks the decoder', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      for (const rest of [
        json,
        `1,"entries":${json}}`,
        `1,"epoch":"a","node":"b","number":1,"entries":[${json}]}`,
      ]) {
        expect(decodeRecord(Buffer.from(`{"tailrace":${rest}`))).toBe('foreign')
      }
    }),
  )
})

test('a record that was changed anywhere is foreign, newer, or a record: never an error', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 3 }),
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      (entries, at, byte) => {
        const bytes = Buffer.from(bytesOf(entries))
        bytes[at % bytes.length] = byte
        expect(() => decodeRecord(bytes)).not.toThrow()
        expect(decodeRecord(bytes.subarray(0, at % bytes.length))).toBe('foreign')
      },
    ),
    { numRuns: 500 },
  )
})

test('a value of another type, or one too many, makes a record foreign', () => {
  const json = (entries: unknown, more = {}): Uint8Array =>
    Buffer.from(JSON.stringify({ tailrace: 1, ...HEAD, entries, ...more }))
  expect(decodeRecord(json([['purge', 'a']]))).toMatchObject(HEAD)
  for (const entries of [
    [],
    {},
    ['purge'],
    [['purge']],
    [['purge', 1]],
    [['purge', '/purged/1']],
    [['purge', 'a', 'b']],
    [['unheard of']],
    [['toString']],
    [['note', 'k'.repeat(257), 1]],
    [['note', 'k', 1.5]],
    [['batch', [['a']]]],
    [['batch', [['a', 'b', { other: 1 }]]]],
    [['batch', [['a', 'b', { remove: true }]]]],
    [['batch', [['a', 'b', { end: 1 }]]]],
    [['batch', Array.from({ length: 40_000 }, () => ['a', ''])]],
    [['removal', [0], [], [], 0]],
    [['removal', [2 ** 53], [], [], 0]],
    [['genesis', 'abc', 'short', 0]],
    [['epoch', 'Not an epoch']],
    [['epoch']],
    [['part', 1, 0, true, 'sqlite_schema', []]],
    [['part', 1, 0, true, 'notes', [['k']]]],
  ]) {
    expect([entries, decodeRecord(json(entries))]).toEqual([entries, 'foreign'])
  }
  expect(decodeRecord(json([['purge', 'a']], { other: 1 }))).toBe('foreign')
  expect(decodeRecord(json([['purge', 'a']], { number: -1 }))).toBe('foreign')
  expect(decodeRecord(json([['purge', 'a']], { node: 'Not a node' }))).toBe('foreign')
})

test('a record of a later format is newer, whatever it contains', () => {
  expect(decodeRecord(Buffer.from('{"tailrace":2,"anything":[]}'))).toBe('newer')
})
