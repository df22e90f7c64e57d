import type { NewEvent, StoredEvent } from '@tailrace/log'
import type { StreamFailure } from './failure.ts'

/** The type of the first event of a stream. */
export const STREAM_OPENED = 'tailrace.opened'
/** The type of the last event of a stream that is complete, unless its producer chose another one. */
export const STREAM_DONE = 'tailrace.done'
/** The type of the last event of a stream that is not complete. */
export const STREAM_FAILED = 'tailrace.failed'

/** What the first event of a stream says. */
export interface Opening {
  /** Identifies the hub that produces the stream. */
  readonly producer: string
  /** How long the topic is kept after its end, in milliseconds. */
  readonly ttlMs: number
}

/** It has a key so that retention by number or size keeps it: a hub that starts later must learn of the producer. */
export function openedRecord(topic: string, opening: Opening, idempotencyKey: string): NewEvent {
  return { topic, type: STREAM_OPENED, key: STREAM_OPENED, data: JSON.stringify(opening), idempotencyKey }
}

export function doneRecord(topic: string): NewEvent {
  return { topic, type: STREAM_DONE, data: '{}', end: true }
}

export function failedRecord(topic: string, { code, message }: StreamFailure): NewEvent {
  return { topic, type: STREAM_FAILED, data: JSON.stringify({ code, message }), end: true }
}

/** @returns undefined if the event does not open a stream */
export function openingOf({ type, data }: StoredEvent): Opening | undefined {
  if (type !== STREAM_OPENED) return undefined
  const { producer, ttlMs } = parse(data)
  return typeof producer === 'string' && typeof ttlMs === 'number' ? { producer, ttlMs } : undefined
}

/** @returns undefined if the event is not that of a failure */
export function failureOf({ type, data }: StoredEvent): { code: string; message: string } | undefined {
  if (type !== STREAM_FAILED) return undefined
  const { code, message } = parse(data)
  return { code: String(code), message: String(message) }
}

/** Only hubs write these events, but a log may also be written by other programs. */
function parse(data: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(data)) as Record<string, unknown>
  } catch {
    return {}
  }
}
