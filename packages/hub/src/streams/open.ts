import { isPassing, LogError } from '@tailrace/log'
import type { Appended, NewEvent } from '@tailrace/log'
import { HubError } from '../errors.ts'
import { persistently } from '../persistently.ts'
import { firstOf } from './find.ts'
import type { StreamLog } from './find.ts'
import { openedRecord, openingOf } from './records.ts'
import type { Opening } from './records.ts'

/** How often a topic may be used for one stream after another, each purged, within a day. */
const MAX_GENERATIONS = 1_000
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
  const { append, log, signal } = options
  let key = 'tailrace.opened'
  for (let generation = 0; generation < MAX_GENERATIONS; generation += 1) {
    const batch = [openedRecord(topic, opening, key)]
    const [appended] = await patiently(() => append(batch), isUnknown, signal)
    const { offset, duplicate } = appended!
    if (!duplicate) return offset
    const first = await patiently(() => firstOf(log, topic), isReadLater, signal)
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

/** The append may have been successful: if it were not repeated, nobody would know of the stream, or end it. */
function isUnknown(error: unknown): boolean {
  return LogError.is(error) && error.code === 'outcome-unknown'
}

/** Likewise, the event whose key was found may be that of this stream. */
function isReadLater(error: unknown): boolean {
  return isPassing(error) || (HubError.is(error) && error.code === 'busy')
}

/** Repeats what must be repeated whatever it fails with from then on. */
async function patiently<T>(
  attempt: () => Promise<T>,
  isRepeated: (error: unknown) => boolean,
  signal: AbortSignal,
): Promise<T> {
  let first: unknown
  const found = await persistently(
    async () => ({ result: await attempt() }),
    (error) => isRepeated((first ??= error)),
    signal,
  )
  if (found === undefined) throw first
  return found.result
}
