import { capabilityOf } from '@tailrace/log'
import type { EventLog, NewEvent, StoredEvent } from '@tailrace/log'
import { CopyError } from './copy-error.ts'
import { eventsAfter } from './events-after.ts'

/** How long a copy that was begun can be continued, in milliseconds. */
const MAX_BREAK_MS = 30 * 24 * 60 * 60 * 1000
const PREFIX = 'copied/'
/** Decimal digits of the largest offset, so that the order of the keys is that of the offsets. */
const DIGITS = 16
const PAGE = 1_000

/** How far a copy has got: what the source has up to `from`, the destination has up to `to`, and nothing else. */
export interface Place {
  readonly from: number
  readonly to: number
}

/** Notes a place in the destination, before the events that follow it are stored there. */
export async function notePlace(log: EventLog, epoch: string, { from, to }: Place): Promise<void> {
  const key = `${PREFIX}${epoch}/${String(from).padStart(DIGITS, '0')}/${to}`
  await capabilityOf(log, 'shared').note({ key, until: Date.now() + MAX_BREAK_MS })
}

/**
 * Finds out how far the copy of a source has got. What follows the last place that was noted may be stored or not, so it
 * is compared.
 *
 * @throws CopyError if the destination contains anything else
 */
export async function findPlace(source: EventLog, epoch: string, destination: EventLog): Promise<Place> {
  const noted = await lastNoted(destination, epoch)
  let place = noted ?? { from: 0, to: 0 }
  for (;;) {
    const { events: stored } = await eventsAfter(destination, place.to)
    if (stored.length === 0) return place
    if (noted === undefined) {
      throw new CopyError(
        'the destination already contains events that were not copied from this source in the last 30 days: copy to an empty log',
      )
    }
    const { events: copied } = await eventsAfter(source, place.from, stored.length)
    const isSame = copied.every((event, i) => textOf(event) === textOf(stored[i]!))
    if (copied.length === 0 || !isSame) throw foreign()
    place = { from: copied.at(-1)!.offset, to: stored[copied.length - 1]!.offset }
  }
}

/** The destination contains events that are not part of the copy. */
export function foreign(): CopyError {
  return new CopyError(
    'something else has written to the destination since the copy began: begin again with an empty log',
  )
}

async function lastNoted(log: EventLog, epoch: string): Promise<Place | undefined> {
  let last: string | undefined
  for (let after = ''; ;) {
    const page = await capabilityOf(log, 'shared').notes({ prefix: PREFIX, after, limit: PAGE })
    const other = page.find(({ key }) => !key.startsWith(`${PREFIX}${epoch}/`))
    if (other !== undefined)
      throw new CopyError('the destination is a copy of another log: copy to an empty one')
    last = page.at(-1)?.key ?? last
    if (page.length < PAGE) break
    after = page.at(-1)!.key
  }
  if (last === undefined) return undefined
  const [from, to] = last.split('/').slice(-2)
  return { from: Number(from), to: Number(to) }
}

/** An event as it is stored in another log: with everything except its offset and time. */
export function toNewEvent({ topic, data, type, key, remove, end, trace }: StoredEvent): NewEvent {
  return { topic, data, type, key, remove, end, trace }
}

/** Everything about an event that is the same in a copy. */
function textOf({ topic, data, type, key, remove, end, trace }: StoredEvent): string {
  return JSON.stringify([topic, data, type, key, remove, end, trace?.traceparent, trace?.tracestate])
}
