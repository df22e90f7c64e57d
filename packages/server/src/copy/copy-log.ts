import { capabilityOf, LogError } from '@tailrace/log'
import type { EventLog, StoredEvent } from '@tailrace/log'
import { REVOKED } from '../auth/revocations.ts'
import { CopyError } from './copy-error.ts'
import { eventsAfter } from './events-after.ts'
import { findPlace, foreign, notePlace, toNewEvent } from './place.ts'

/** Revocations that are read, and noted, at a time. */
const PAGE = 1_000

/** How far a copy has got. */
export interface Progress {
  /** Events that this run has copied. */
  readonly events: number
  /** The part of the source that has been copied, from 0 to 1. */
  readonly share: number
}

export interface CopyOptions {
  readonly source: EventLog
  /** Must be empty, or contain nothing but a part of a copy of the source. */
  readonly destination: EventLog
  /** Called after each batch. */
  report(progress: Progress): void
}

/**
 * Copies everything that a log retains, in order, and its revocations. If it fails or is killed, another run continues
 * where it stopped, and stores nothing twice; so does a run after the source has received more events.
 *
 * @returns the number of events that this run has copied
 * @throws CopyError, LogError
 */
export async function copyLog({ source, destination, report }: CopyOptions): Promise<number> {
  const { epoch, oldest, newest } = await source.describe()
  if (epoch === (await destination.describe()).epoch) {
    throw new CopyError('the source and the destination are the same log')
  }
  let place = await findPlace(source, epoch, destination)
  let events = 0

  async function store(batch: readonly StoredEvent[]): Promise<void> {
    await destination.describe()
    if ((await eventsAfter(destination, place.to, 1)).events.length > 0) throw foreign()
    await notePlace(destination, epoch, place)
    try {
      const stored = await destination.append(batch.map(toNewEvent))
      place = { from: batch.at(-1)!.offset, to: stored.at(-1)!.offset }
      events += batch.length
    } catch (error) {
      if (!LogError.is(error) || error.code !== 'too-large' || batch.length === 1) throw error
      const half = Math.ceil(batch.length / 2)
      await store(batch.slice(0, half))
      await store(batch.slice(half))
    }
  }

  for (;;) {
    const run = await eventsAfter(source, place.from)
    if (run.events.length === 0) break
    await store(run.events)
    const share = newest < oldest ? 1 : (place.from - oldest + 1) / (newest - oldest + 1)
    report({ events, share: Math.min(1, Math.max(0, share)) })
  }
  await copyRevocations(source, destination)
  return events
}

/** Other notes are of no use in another log, because it has another secret. */
async function copyRevocations(source: EventLog, destination: EventLog): Promise<void> {
  if (source.shared === undefined) return
  const shared = capabilityOf(destination, 'shared')
  for (let after = ''; ;) {
    const page = await source.shared.notes({ prefix: REVOKED, after, limit: PAGE })
    await Promise.all(page.map((one) => shared.note(one)))
    if (page.length < PAGE) return
    after = page.at(-1)!.key
  }
}
