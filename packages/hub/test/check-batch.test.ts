import { HubError } from '@tailrace/hub'
import type { HubErrorCode } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import type { LogErrorCode, NewEvent } from '@tailrace/log'
import { describe, expect, test } from 'vitest'
import { checkBatch, MAX_NAME_BYTES } from '../src/check-batch.ts'

const LIMITS = { maxEventBytes: 10, maxBatchBytes: 25, maxBatchEvents: 5 }
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const GOOD: NewEvent = { topic: 'orders/42', data: 'x' }

function refusalOf(batch: readonly NewEvent[]): HubError | LogError | undefined {
  try {
    checkBatch(batch, LIMITS)
    return undefined
  } catch (error) {
    if (HubError.is(error) || LogError.is(error)) return error
    throw error
  }
}

test.each<[string, Partial<NewEvent>, HubErrorCode | LogErrorCode]>([
  ['an empty topic', { topic: '' }, 'invalid-topic'],
  ['a topic with a wildcard', { topic: 'orders/*' }, 'invalid-topic'],
  ['a topic with a line feed', { topic: 'a\nid: 1' }, 'invalid-topic'],
  ['a type with a CR', { type: 'a\rdata: x' }, 'invalid-type'],
  ['a type with an LF', { type: 'a\ndata: x' }, 'invalid-type'],
  ['a type with a NUL', { type: 'a\0' }, 'invalid-type'],
  ['an empty type', { type: '' }, 'invalid-type'],
  ['half a character as a type', { type: '\ud83d' }, 'invalid-type'],
  ['a type that is too long', { type: 'é'.repeat(MAX_NAME_BYTES / 2) + 'x' }, 'invalid-type'],
  ['a type of the hub', { type: 'tailrace.gap' }, 'reserved-type'],
  ['a type of the hub to come', { type: 'tailrace.' }, 'reserved-type'],
  ['a key with an LF', { key: 'a\n' }, 'invalid-key'],
  ['an empty key', { key: '' }, 'invalid-key'],
  ['a key that is too long', { key: 'k'.repeat(MAX_NAME_BYTES + 1) }, 'invalid-key'],
  ['an idempotency key with a NUL', { idempotencyKey: '\0' }, 'invalid-idempotency-key'],
  ['an idempotency key that is too long', { idempotencyKey: 'k'.repeat(257) }, 'invalid-idempotency-key'],
  ['a traceparent with an LF', { trace: { traceparent: `${TRACEPARENT}\nid: 1` } }, 'invalid-trace'],
  ['a removal without a key', { remove: true }, 'missing-key'],
  ['a tracestate with an LF', { trace: { traceparent: TRACEPARENT, tracestate: 'a=1\n' } }, 'invalid-trace'],
  ['half a character as data', { data: 'a\udc00' }, 'invalid-data'],
  ['data that is too large', { data: 'x'.repeat(11) }, 'event-too-large'],
  ['data that is too large in UTF-8 only', { data: 'é'.repeat(6) }, 'event-too-large'],
])('%s is refused, and its place in the batch is named', (_, flaw, code) => {
  expect(refusalOf([GOOD, { ...GOOD, ...flaw }])).toMatchObject({ code, details: { index: 1 } })
})

test('a batch of nothing is refused', () => {
  expect(refusalOf([])).toMatchObject({ code: 'empty-batch' })
})

test('the first flaw of a batch is the one that is told', () => {
  const refusal = refusalOf([
    { ...GOOD, key: '' },
    { ...GOOD, type: '' },
  ])
  expect(refusal).toMatchObject({ code: 'invalid-key', details: { index: 0 } })
})

describe('sizes', () => {
  test.each([
    ['an event as large as is taken', [{ ...GOOD, data: 'x'.repeat(10) }]],
    ['an event as large in UTF-8', [{ ...GOOD, data: 'é'.repeat(5) }]],
    ['an event of nothing', [{ ...GOOD, data: '' }]],
    [
      'names as long as is taken',
      [{ ...GOOD, type: 'é'.repeat(128), key: 'k'.repeat(256), idempotencyKey: 'i'.repeat(256) }],
    ],
    ['a batch as large as is taken', [10, 10, 5].map((length) => ({ ...GOOD, data: 'x'.repeat(length) }))],
    [
      "a type that only looks like the hub's",
      [
        { ...GOOD, type: 'tailrace' },
        { ...GOOD, type: 'Tailrace.live' },
      ],
    ],
    ['data with everything in it', [{ ...GOOD, data: '\r\n\0:\ufeff' }]],
  ] as [string, NewEvent[]][])('%s is taken', (_, batch) => {
    expect(refusalOf(batch)).toBeUndefined()
  })

  test('a batch that is one byte larger is refused at the event that is too much', () => {
    const batch = [10, 10, 6].map((length) => ({ ...GOOD, data: 'x'.repeat(length) }))
    expect(refusalOf(batch)).toMatchObject({
      code: 'batch-too-large',
      details: { index: 2, maxBatchBytes: 25 },
    })
  })

  test('a batch of one event more than are taken is refused at that event', () => {
    expect(refusalOf([GOOD, GOOD, GOOD, GOOD, GOOD])).toBeUndefined()
    expect(refusalOf([GOOD, GOOD, GOOD, GOOD, GOOD, GOOD])).toMatchObject({
      code: 'batch-too-large',
      details: { index: 5, maxBatchEvents: 5 },
    })
  })
})
