import type { NewEvent, StoredEvent, TraceContext } from '@tailrace/log'

import type { Decoder } from './decoder.ts'
import type { Encoder } from './encoder.ts'

/** What an event has, and what it does. */
const HAS = { type: 1, key: 2, trace: 4, tracestate: 8, idempotencyKey: 16, remove: 32, end: 64 } as const

interface Described {
  readonly type?: string | undefined
  readonly key?: string | undefined
  readonly remove?: boolean | undefined
  readonly end?: boolean | undefined
  readonly trace?: TraceContext | undefined
  readonly idempotencyKey?: string | undefined
}

function flagsOf({ type, key, trace, idempotencyKey, remove, end }: Described): number {
  return (
    (type === undefined ? 0 : HAS.type) |
    (key === undefined ? 0 : HAS.key) |
    (trace === undefined ? 0 : HAS.trace) |
    (trace?.tracestate === undefined ? 0 : HAS.tracestate) |
    (idempotencyKey === undefined ? 0 : HAS.idempotencyKey) |
    (remove === true ? HAS.remove : 0) |
    (end === true ? HAS.end : 0)
  )
}

function encodeOptional(encoder: Encoder, { type, key, trace }: Described): void {
  if (type !== undefined) encoder.text(type)
  if (key !== undefined) encoder.text(key)
  if (trace === undefined) return
  encoder.text(trace.traceparent)
  if (trace.tracestate !== undefined) encoder.text(trace.tracestate)
}

function decodeTrace(decoder: Decoder, flags: number): TraceContext | undefined {
  if ((flags & HAS.trace) === 0) return undefined
  const traceparent = decoder.text()
  return (flags & HAS.tracestate) === 0 ? { traceparent } : { traceparent, tracestate: decoder.text() }
}

export function encodeStored(encoder: Encoder, events: readonly StoredEvent[]): void {
  encoder.u32(events.length)
  for (const event of events) {
    const flags = flagsOf(event)
    encoder.u8(flags)
    encoder.f64(event.offset)
    encoder.f64(event.time)
    encoder.text(event.topic)
    encoder.text(event.data)
    if (flags !== 0) encodeOptional(encoder, event)
  }
}

export function decodeStored(decoder: Decoder): StoredEvent[] {
  const count = decoder.u32()
  const events: StoredEvent[] = []
  while (events.length < count) {
    const flags = decoder.u8()
    events.push({
      offset: decoder.f64(),
      time: decoder.f64(),
      topic: decoder.text(),
      data: decoder.text(),
      type: (flags & HAS.type) === 0 ? undefined : decoder.text(),
      key: (flags & HAS.key) === 0 ? undefined : decoder.text(),
      trace: decodeTrace(decoder, flags),
      remove: (flags & HAS.remove) !== 0,
      end: (flags & HAS.end) !== 0,
    })
  }
  return events
}

export function encodeBatch(encoder: Encoder, batch: readonly NewEvent[]): void {
  encoder.u32(batch.length)
  for (const event of batch) {
    const flags = flagsOf(event)
    encoder.u8(flags)
    encoder.text(event.topic)
    encoder.text(event.data)
    if (flags === 0) continue
    encodeOptional(encoder, event)
    if (event.idempotencyKey !== undefined) encoder.text(event.idempotencyKey)
  }
}

export function decodeBatch(decoder: Decoder): NewEvent[] {
  const count = decoder.u32()
  const batch: NewEvent[] = []
  while (batch.length < count) {
    const flags = decoder.u8()
    batch.push({
      topic: decoder.text(),
      data: decoder.text(),
      type: (flags & HAS.type) === 0 ? undefined : decoder.text(),
      key: (flags & HAS.key) === 0 ? undefined : decoder.text(),
      trace: decodeTrace(decoder, flags),
      idempotencyKey: (flags & HAS.idempotencyKey) === 0 ? undefined : decoder.text(),
      remove: (flags & HAS.remove) !== 0,
      end: (flags & HAS.end) !== 0,
    })
  }
  return batch
}
