import type { Appended, LogError } from '@tailrace/log'
import { plain, revive, type PlainError } from '@tailrace/log/adapter'

import type { Decoder } from './decoder.ts'
import type { Encoder } from './encoder.ts'

/** Instead of the number of events: the batch was rejected. */
const REJECTED = 0xffff_ffff

/** What became of a batch. */
export type BatchOutcome = readonly Appended[] | LogError

/** @param number - of the batch, in the order in which the node has sent its batches */
export function encodeOutcome(encoder: Encoder, number: number, outcome: BatchOutcome): void {
  encoder.f64(number)
  if (outcome instanceof Error) {
    encoder.u32(REJECTED)
    encodeError(encoder, outcome)
    return
  }
  encoder.u32(outcome.length)
  for (const { offset, duplicate } of outcome) encoder.f64(duplicate ? -offset : offset)
}

export function decodeOutcome(decoder: Decoder): { readonly number: number; readonly outcome: BatchOutcome } {
  const number = decoder.f64()
  const count = decoder.u32()
  if (count === REJECTED) return { number, outcome: decodeError(decoder) }
  const appended: Appended[] = []
  while (appended.length < count) {
    const offset = decoder.f64()
    appended.push({ offset: Math.abs(offset), duplicate: offset < 0 })
  }
  return { number, outcome: appended }
}

export function encodeError(encoder: Encoder, error: LogError): void {
  encoder.text(JSON.stringify(plain(error)))
}

export function decodeError(decoder: Decoder): LogError {
  return revive(JSON.parse(decoder.text()) as PlainError)
}
