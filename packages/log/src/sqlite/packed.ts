import type { NewEvent } from '../event-log.ts'
import type { BatchResult } from './event-table.ts'

// Batches and their results cross threads as one flat array each. To copy objects costs several times as much: each
// carries the names of its properties, and its shape is looked up property by property.

type Batches = readonly (readonly NewEvent[])[]

/**
 * When its events were appended. Then, for each batch, how many events it has, and the fields of each event, in the
 * order of `unpackEvent`.
 */
export type PackedBatches = (string | number | boolean | undefined)[]

/** For each batch, the offset of each event, negative if it is a duplicate; or 0, and the index of the refused event. */
export type PackedResults = number[]

export function packBatches(batches: Batches, time: number): PackedBatches {
  const fields: PackedBatches = [time]
  for (const batch of batches) {
    fields.push(batch.length)
    for (const { topic, type, key, data, remove, end, idempotencyKey, trace } of batch) {
      fields.push(topic, type, key, data, remove, end, idempotencyKey, trace?.traceparent, trace?.tracestate)
    }
  }
  return fields
}

export function unpackBatches(fields: PackedBatches): { batches: Batches; time: number } {
  const batches: NewEvent[][] = []
  for (let at = 1; at < fields.length;) {
    const batch: NewEvent[] = []
    const end = at + 1 + (fields[at] as number) * FIELDS_AN_EVENT
    for (at += 1; at < end; at += FIELDS_AN_EVENT) batch.push(unpackEvent(fields, at))
    batches.push(batch)
  }
  return { batches, time: fields[0] as number }
}

const FIELDS_AN_EVENT = 9

function unpackEvent(fields: PackedBatches, at: number): NewEvent {
  const traceparent = fields[at + 7] as string | undefined
  return {
    topic: fields[at] as string,
    type: fields[at + 1] as string | undefined,
    key: fields[at + 2] as string | undefined,
    data: fields[at + 3] as string,
    remove: fields[at + 4] as boolean | undefined,
    end: fields[at + 5] as boolean | undefined,
    idempotencyKey: fields[at + 6] as string | undefined,
    trace: traceparent === undefined ? undefined : { traceparent, tracestate: fields[at + 8] as string },
  }
}

export function packResults(results: readonly BatchResult[]): PackedResults {
  const numbers: PackedResults = []
  for (const result of results) {
    if ('refused' in result) numbers.push(0, result.refused.index)
    else for (const { offset, duplicate } of result.appended) numbers.push(duplicate ? -offset : offset)
  }
  return numbers
}

/** @param batches - those that have these results */
export function unpackResults(numbers: PackedResults, batches: Batches): BatchResult[] {
  let at = 0
  return batches.map((batch) => {
    if (batch.length > 0 && numbers[at] === 0) {
      const index = numbers[at + 1]!
      at += 2
      return { refused: { topic: batch[index]!.topic, index } }
    }
    return {
      appended: batch.map(() => {
        const offset = numbers[at++]!
        return { offset: Math.abs(offset), duplicate: offset < 0 }
      }),
    }
  })
}
