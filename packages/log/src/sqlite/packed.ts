import type { NewEvent } from '../event-log.ts'
import type { BatchResult } from './event-table.ts'

// Batches and their results cross threads as one flat array each. To copy objects costs several times as much: each
// carries the names of its properties, and its shape is looked up property by property.

type Batches = readonly (readonly NewEvent[])[]

/**
 * When its events were appended. Then, for each batch, how many events it has, and the fields of each event, in the
 * order of {@link unpackBatches}.
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
  let at = 0
  const next = <T>(): T => fields[at++] as T
  function event(): NewEvent {
    const topic = next<string>()
    const type = next<string | undefined>()
    const key = next<string | undefined>()
    const data = next<string>()
    const remove = next<boolean | undefined>()
    const end = next<boolean | undefined>()
    const idempotencyKey = next<string | undefined>()
    const traceparent = next<string | undefined>()
    const tracestate = next<string>()
    const trace = traceparent === undefined ? undefined : { traceparent, tracestate }
    return { topic, type, key, data, remove, end, idempotencyKey, trace }
  }
  const time = next<number>()
  const batches: NewEvent[][] = []
  while (at < fields.length) {
    const batch: NewEvent[] = []
    for (let left = next<number>(); left > 0; left -= 1) batch.push(event())
    batches.push(batch)
  }
  return { batches, time }
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
    if (numbers[at] === 0) {
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
