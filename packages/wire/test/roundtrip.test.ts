import { encodeEvent, HEARTBEAT, MAX_RETRY_MS, type EncodableEvent } from '@tailrace/wire'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytesOf, collect, type Finding } from './collect.ts'

const character = fc.oneof(
  fc.constantFrom('\n', '\r', '\r\n', ' ', ':', '\0', '\ufeff', '\ufffd', 'data:', 'id: ', '😀', '日', 'é'),
  fc.string({ unit: 'binary', maxLength: 3 }),
)
const text = fc.array(character, { maxLength: 12 }).map((pieces) => pieces.join(''))
const oneLine = text.map((value) => value.replaceAll(/[\r\n\0]/g, ''))
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })
const event: fc.Arbitrary<EncodableEvent> = fc.record({
  data: maybe(text),
  type: maybe(oneLine),
  id: maybe(oneLine),
  retry: maybe(fc.integer({ min: 0, max: MAX_RETRY_MS })),
  topic: maybe(oneLine),
  key: maybe(oneLine),
  remove: maybe(fc.boolean()),
  time: maybe(oneLine),
  traceparent: maybe(oneLine),
  tracestate: maybe(oneLine),
})
const cuts = fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 8 })

/** Cuts into chunks whose sizes repeat in turn; 0 makes an empty chunk, and all zeros single bytes. */
function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const turns = sizes.some((size) => size > 0) ? sizes : [1]
  const chunks: Uint8Array[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = turns[turn % turns.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return chunks
}

function expected(events: readonly EncodableEvent[]): Finding[] {
  let lastEventId = ''
  return events.flatMap(({ data, type, id, retry, topic, key, remove = false, time }): Finding[] => {
    lastEventId = id ?? lastEventId
    return [
      ...(retry === undefined ? [] : [{ is: 'retry', ms: retry } as const]),
      ...(id === undefined ? [] : [{ is: 'id', id } as const]),
      ...(data === undefined
        ? []
        : [
            {
              is: 'event',
              type: type || 'message',
              data: data.replaceAll(/\r\n?/g, '\n'),
              lastEventId,
              topic,
              key,
              remove,
              time,
            } as const,
          ]),
    ]
  })
}

function collectFields(chunks: Uint8Array[]): Finding[] {
  return collect(chunks).filter((finding) => finding.is !== 'comment')
}

test('what is encoded is decoded, however it is cut, with line breaks as LF', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 5 }), cuts, (events, sizes) => {
      // A stream that begins with a comment, so that no event's text can be taken for a byte order mark.
      const bytes = bytesOf(HEARTBEAT + events.map(encodeEvent).join(HEARTBEAT))
      expect(collectFields([bytes])).toEqual(expected(events))
      expect(collectFields(cut(bytes, sizes))).toEqual(expected(events))
      expect(collectFields(cut(bytes, [1]))).toEqual(expected(events))
    }),
    { numRuns: 500 },
  )
})

test('arbitrary bytes give the same findings, however they are cut', () => {
  const byte = fc.oneof(
    fc.constantFrom(...bytesOf('data:id:event:retry:1topickeyremove:truetime\n\n\r\n\n\r :\0').values()),
    fc.constantFrom(0xef, 0xbb, 0xbf, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xc3, 0xed, 0xa0, 0xff, 0xc0),
    fc.integer({ min: 0, max: 255 }),
  )
  const word = fc.constantFrom(
    'data:',
    'data',
    'id:',
    'event:',
    'topic:',
    'key:',
    'remove:true',
    'time:',
    'retry:1',
    '\n\n',
    '\ufeff',
    '😀',
  )
  const bytes = fc
    .array(
      fc.oneof(
        fc.array(byte, { maxLength: 8 }),
        word.map((value) => Array.from(bytesOf(value))),
      ),
    )
    .map((pieces) => Uint8Array.from(pieces.flat()))
  fc.assert(
    fc.property(bytes, cuts, cuts, (stream, one, other) => {
      const whole = collect([stream])
      expect(collect(cut(stream, one))).toEqual(whole)
      expect(collect(cut(stream, other))).toEqual(whole)
      expect(collect(cut(stream, [1]))).toEqual(whole)
    }),
    { numRuns: 3000 },
  )
})
