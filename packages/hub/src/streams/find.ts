import { formatCursor } from '@tailrace/log'
import type { StoredEvent } from '@tailrace/log'
import type { LogReads } from '../log-reads.ts'
import type { LogView } from '../log-view.ts'
import type { Asker } from '../read-queue.ts'
import { failureOf, openingOf, STREAM_DONE } from './records.ts'
import type { Opening } from './records.ts'
import type { StreamStatus } from './stream-writer.ts'

/** The log is read on behalf of all streams together. */
const STREAMS: Asker = { client: 'streams', isGone: false }

/** Topics whose ends are read at a time. */
const TOPICS_A_READ = 100

/** Where streams are looked up. */
export interface StreamLog {
  readonly view: Pick<LogView, 'epoch' | 'read' | 'describe'>
  readonly reads: Pick<LogReads, 'ended' | 'topics'>
}

/** A stream in the log. */
export interface LoggedStream {
  /** Undefined if retention has removed the first event. */
  readonly opening: Opening | undefined
  /** The offset of the first event, or 0 if that was removed. */
  readonly start: number
  /** The last event, if the stream is over. */
  readonly last: StoredEvent | undefined
}

/** The first event of a topic that is retained. */
export function firstOf({ view }: StreamLog, topic: string): Promise<StoredEvent | undefined> {
  return eventAfter(view, topic, 0)
}

/** The first event of a topic that is retained, and the one that ended it, as of the newest that any node has stored. */
export async function firstAndLast(
  log: StreamLog,
  topic: string,
): Promise<{ readonly first: StoredEvent | undefined; readonly last: StoredEvent | undefined }> {
  // Reads may lag behind other nodes, but not behind this.
  await log.view.describe(STREAMS)
  const [endedAt] = await log.reads.ended([topic], STREAMS)
  const first = await firstOf(log, topic)
  const last = endedAt === undefined ? undefined : await eventAfter(log.view, topic, endedAt - 1)
  return { first, last }
}

/** What the log contains of a stream. Undefined if the topic is not one. */
export async function findLogged(log: StreamLog, topic: string): Promise<LoggedStream | undefined> {
  const { first, last } = await firstAndLast(log, topic)
  const opening = first === undefined ? undefined : openingOf(first)
  const isStream = opening !== undefined || (last !== undefined && isLastOfStream(last))
  return isStream ? { opening, start: opening === undefined ? 0 : first!.offset, last } : undefined
}

export function stateAfter(last: StoredEvent | undefined, epoch: string): StreamStatus {
  if (last === undefined) return { state: 'open' }
  const end = formatCursor(epoch, last.offset)
  const failure = failureOf(last)
  return failure === undefined ? { state: 'done', end } : { state: 'failed', end, ...failure }
}

/** Which of some topics have ended, each with its last event. */
export async function* lastOfEnded(
  { view, reads }: StreamLog,
  topics: readonly string[],
): AsyncIterable<StoredEvent> {
  for (let i = 0; i < topics.length; i += TOPICS_A_READ) {
    const some = topics.slice(i, i + TOPICS_A_READ)
    const ends = await reads.ended(some, STREAMS)
    for (const [j, end] of ends.entries()) {
      const last = end === undefined ? undefined : await eventAfter(view, some[j]!, end - 1)
      if (last !== undefined) yield last
    }
  }
}

function isLastOfStream(event: StoredEvent): boolean {
  return event.type === STREAM_DONE || failureOf(event) !== undefined
}

async function eventAfter(
  view: StreamLog['view'],
  topic: string,
  after: number,
): Promise<StoredEvent | undefined> {
  const { events } = await view.read({ selectors: [topic], after, limit: 1, maxBytes: 1 }, STREAMS)
  return events[0]
}
