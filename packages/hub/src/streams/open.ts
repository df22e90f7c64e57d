import { LogError } from '@tailrace/log'
import type { Appended, NewEvent } from '@tailrace/log'
import { keepTrying } from '@tailrace/log/adapter'
import { HubError } from '../errors.ts'
import { firstOf } from './find.ts'
import type { StreamLog } from './find.ts'
import { openedRecord, openingOf } from './records.ts'
import type { Opening } from './records.ts'

/** How often a topic may be used for one stream after another, each purged, within a day. */
const MAX_GENERATIONS = 1_000
/** The longest pause between two attempts, in milliseconds. */
const MAX_PAUSE_MS = 1_000

export interface OpenStreamOptions {
  readonly log: StreamLog
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]>
  readonly signal: AbortSignal
}

/** @throws HubError `stream-exists` if the topic has events */
export async function assertUnused(log: StreamLog, topic: string): Promise<void> {
  if ((await firstOf(log, topic)) !== undefined) throw streamExists(topic)
}

/**
 * Stores the first event of a stream in a topic without events. Of all hubs that try at the same time, one succeeds,
 * because they use the same idempotency key.
 *
 * @returns its offset
 * @throws HubError `stream-exists`, or the error of the log; nothing was stored
 */
export async function openStream(
  topic: string,
  opening: Opening,
  options: OpenStreamOptions,
): Promise<number> {
  let key = 'tailrace.opened'
  for (let generation = 0; generation < MAX_GENERATIONS; generation += 1) {
    const { offset, duplicate } = await appendOnce(openedRecord(topic, opening, key), options)
    if (!duplicate) return offset
    const first = await firstOf(options.log, topic)
    // The append before this one was successful, although its outcome was unknown.
    if (first?.offset === offset && openingOf(first)?.producer === opening.producer) return offset
    if (first !== undefined) throw streamExists(topic)
    // The key is that of an earlier stream of this topic, which was purged.
    key = `tailrace.opened.${offset}`
  }
  throw streamExists(topic)
}

export function streamExists(topic: string): HubError {
  const message = `The topic ${topic} has events already: use a topic of its own for each stream.`
  return new HubError('stream-exists', message, { details: { topic } })
}

/** Repeats an append only if it may have been successful: otherwise nobody would know of the stream, or end it. */
async function appendOnce(record: NewEvent, { append, signal }: OpenStreamOptions): Promise<Appended> {
  const batch = [record]
  let appended: readonly Appended[] | undefined
  try {
    appended = await append(batch)
  } catch (error) {
    if (!LogError.is(error) || error.code !== 'outcome-unknown') throw error
    appended = await keepTrying(() => append(batch), { maxPauseMs: MAX_PAUSE_MS, signal, failed() {} })
    if (appended === undefined) throw error
  }
  return appended[0]!
}
