import { LogError } from '@tailrace/log'
import type { TailListeners } from '@tailrace/log/adapter'

import type { Reply } from './connection.ts'
import { isBefore, toEntry, toPlace, type Entry, type Place } from './entry.ts'
import { HOLE } from './scripts/open.ts'
import { PURGED } from './scripts/purge.ts'
import type { Knowledge, RedisSession } from './session.ts'

/** How long Redis waits for the next event before it answers that there is none. */
const WAIT_MS = 1_000
/** Entries are requested by number, not by size: many only while those before were small. */
const MIN_COUNT = 16
const MAX_COUNT = 128
const SMALL_BYTES = 64 * 1024

/** What a tail has found behind its place. */
interface Found {
  readonly entries: readonly Reply[]
  /** The newest offset right after that. */
  readonly newest: number
  /** The last record of a purge that was removed from the stream. */
  readonly forgotten: string | null
}

/** The only tail of a node: reports what any node has appended, in order, from where the last session ended. */
export class Tail {
  readonly #listeners: () => TailListeners
  readonly #knowledge: Knowledge
  readonly #base: string
  #id: string | undefined
  #count = MIN_COUNT
  /** Everything up to here was read. Offsets are dense, apart from skips: what is missing behind it was removed. */
  #place: Place = { offset: 0, order: 0 }
  /** Events up to here were reported to be lost. */
  #lost = 0
  readonly #waiting = new Set<() => void>()

  constructor(listeners: () => TailListeners, knowledge: Knowledge, base: string) {
    this.#listeners = listeners
    this.#knowledge = knowledge
    this.#base = base
  }

  /** Everything up to here was reported, or reported to be lost. */
  get offset(): number {
    return Math.max(this.#place.offset, this.#lost)
  }

  /** Resolves once everything up to a place was reported. @throws LogError if the session ends before that */
  reach(place: Place, session: RedisSession): Promise<void> {
    if (!isBefore(this.#place, place)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (isBefore(this.#place, place)) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      const fail = (reason: LogError): void => {
        this.#waiting.delete(look)
        reject(reason)
      }
      void session.lost.then(fail)
    })
  }

  /** Reports until the session ends. A session that brings something that the log has not written is ended. */
  async follow(session: RedisSession): Promise<void> {
    if (this.#id === undefined) {
      this.#id = `${session.newest}-18446744073709551615`
      this.#place = { offset: session.newest, order: Infinity }
    }
    let through = session.newest
    try {
      for (;;) {
        const before = this.#place
        const { entries, newest, forgotten } = await this.#next(session, through)
        if (entries.length === 0 && before.offset < through) this.#skip(through)
        this.#tell(entries, through)
        through = newest
        if (forgotten !== null && isBefore(before, toPlace(forgotten))) await this.#reportPurges(session)
      }
    } catch (error) {
      session.end(LogError.is(error) ? error : new LogError('corrupt', String(error), { cause: error }))
    }
  }

  /**
   * Waits for the next entries, unless some were there before. Right behind them, asks which log they are from: the answer
   * is no later than them.
   */
  async #next(session: RedisSession, through: number): Promise<Found> {
    const { epoch, seen } = this.#knowledge
    const block = this.#place.offset < through ? [] : ['BLOCK', `${WAIT_MS}`]
    const { follower } = session
    const [read, identity] = await Promise.all([
      follower.call(
        ['XREAD', ...block, 'COUNT', `${this.#count}`, 'STREAMS', `${this.#base}log`, this.#id!],
        WAIT_MS,
      ),
      follower.call(['HMGET', `${this.#base}meta`, 'epoch', 'newest', 'forgotten'], WAIT_MS),
    ])
    const [nowEpoch, newest, forgotten = null] = identity as readonly (string | null)[]
    if (nowEpoch !== epoch || Number(newest) < seen) {
      throw new LogError('unreachable', 'Redis does not have the log that was opened here any more.')
    }
    const found = { newest: Number(newest), forgotten }
    if (read === null) return { ...found, entries: [] }
    const [[, entries]] = read as unknown as readonly [readonly [string, readonly Reply[]]]
    return { ...found, entries }
  }

  /** Reports all purges that are known, because some may have been missed. Those before the tail are harmless. */
  async #reportPurges(session: RedisSession): Promise<void> {
    let place = 0
    do {
      const [, next, ...purges] = await session.run(PURGED, [place])
      for (let i = 1; i < purges.length; i += 2) {
        this.#listeners().purged(String(purges[i - 1]), Number(purges[i]))
      }
      place = Number(next)
    } while (place > 0)
  }

  /** @param through - the newest offset before they were asked for */
  #tell(replies: readonly Reply[], through: number): void {
    const entries = replies.map(toEntry)
    const bytes = entries.reduce((sum, { event }) => sum + (event?.data.length ?? 0), 0)
    if (bytes > SMALL_BYTES) this.#count = MIN_COUNT
    else if (entries.length === this.#count) this.#count = Math.min(2 * this.#count, MAX_COUNT)
    let run: Entry[] = []
    const flush = (): void => {
      const events = run.map(({ event }) => event!)
      run = []
      if (events.length > 0) this.#listeners().events(events)
    }
    for (const entry of entries) {
      const last = lastBefore(entry)
      if (this.#place.offset < last) {
        flush()
        // There may be many holes: the first one stands for all.
        this.#lose(last, through)
      }
      if (entry.event === undefined) {
        flush()
        if (entry.purged !== undefined) this.#listeners().purged(entry.purged.topic, entry.purged.through)
      } else if (entry.offset > this.#lost) {
        run.push(entry)
      }
      this.#id = entry.id
      this.#place = { offset: entry.offset, order: entry.order }
    }
    flush()
    this.#arrive()
  }

  /** Nothing is left up to an offset that had been given before. */
  #skip(through: number): void {
    this.#lose(through, through)
    this.#id = `${through}-0`
    this.#place = { offset: through, order: 0 }
    this.#arrive()
  }

  /** @param last - of what is missing */
  #lose(last: number, through: number): void {
    if (last <= this.#lost) return
    this.#lost = Math.max(last, through)
    this.#listeners().lost(this.#lost)
  }

  #arrive(): void {
    this.#knowledge.seen = Math.max(this.#knowledge.seen, this.offset)
    for (const look of this.#waiting) look()
  }
}

/** The last event before an entry. */
function lastBefore({ event, offset, isSkip }: Entry): number {
  if (isSkip) return offset - HOLE
  return event === undefined ? offset : offset - 1
}
