import { LogError } from '@tailrace/log'
import type { TailListeners } from '@tailrace/log/adapter'

import type { Reply } from './connection.ts'
import { isBefore, toEntry, toPlace, type Entry, type Place } from './entry.ts'
import { FOLLOW } from './scripts/follow.ts'
import { HOLE } from './scripts/open.ts'
import { PURGED } from './scripts/purge.ts'
import { otherLog, type Knowledge, type RedisSession } from './session.ts'
import { checkPrimary } from './settings.ts'

/** How long Redis waits for the next event before it answers that there is none. */
const WAIT_MS = 1_000
/** How many entries it reads at a time: any, and such as have at most 64 KiB each. */
const MAX_ENTRIES = 8
const MAX_SMALL_ENTRIES = 128

/** What a tail has found behind its place. */
interface Found {
  readonly entries: readonly Reply[]
  /** The newest offset right after that. */
  readonly newest: number
  /** The last record that was removed from the stream. */
  readonly forgotten: string | null
  /** The newest offset of a large event. */
  readonly large: string | null
}

type FollowAnswer = readonly [kind: string, entries: readonly Reply[], ...meta: (string | null)[]]

/** The only tail of a node: reports what any node has appended, in order, from where the last session ended. */
export class Tail {
  readonly #listeners: () => TailListeners
  readonly #knowledge: Knowledge
  readonly #base: string
  #id: string | undefined
  /** There are probably more entries, up to this offset also large ones. */
  #isBehind = false
  #large = 0
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
    this.#isBehind = this.#id !== undefined
    this.#large = Infinity
    if (this.#id === undefined) {
      // Purges before the newest event may be reported again, which is harmless. Those after it must not be missed.
      this.#id = `${session.newest}-0`
      this.#place = { offset: session.newest, order: 0 }
    }
    let through = session.newest
    try {
      for (;;) {
        const before = this.#place
        const { entries, newest, forgotten, large } = await this.#next(session, through)
        this.#large = Number(large)
        if (entries.length === 0 && before.offset < through) this.#skip(through)
        this.#tell(entries, through)
        through = newest
        if (forgotten !== null && isBefore(before, toPlace(forgotten))) await this.#reportPurges(session)
      }
    } catch (error) {
      session.end(LogError.is(error) ? error : new LogError('corrupt', String(error), { cause: error }))
    }
  }

  #next(session: RedisSession, through: number): Promise<Found> {
    const isBeforeLarge = this.#isBehind && this.#place.offset < this.#large
    return isBeforeLarge ? this.#readOn(session) : this.#wait(session, through)
  }

  /**
   * Waits for the next entries, unless some were there before. Right behind them, asks which log they are from: the answer
   * is no later than them.
   */
  async #wait({ follower }: RedisSession, through: number): Promise<Found> {
    const { epoch, seen } = this.#knowledge
    const count = this.#isBehind ? MAX_SMALL_ENTRIES : MAX_ENTRIES
    const block = this.#place.offset < through ? [] : ['BLOCK', `${WAIT_MS}`]
    const [read, identity] = await Promise.all([
      follower.call(
        ['XREAD', ...block, 'COUNT', `${count}`, 'STREAMS', `${this.#base}log`, this.#id!],
        WAIT_MS,
      ),
      follower.call(['HMGET', `${this.#base}meta`, 'epoch', 'newest', 'forgotten', 'large'], WAIT_MS),
    ])
    const [nowEpoch, newest, forgotten = null, large = null] = identity as readonly (string | null)[]
    if (nowEpoch !== epoch || Number(newest) < seen) throw otherLog()
    this.#isBehind = false
    const found = { newest: Number(newest), forgotten, large }
    if (read === null) {
      // Redis ends a wait when it becomes a replica, but allows the next one.
      await checkPrimary(follower)
      return { ...found, entries: [] }
    }
    const [[, entries]] = read as unknown as readonly [readonly [string, readonly Reply[]]]
    this.#isBehind = entries.length === count
    return { ...found, entries }
  }

  /** Reads the next entries by their size. */
  async #readOn({ follower }: RedisSession): Promise<Found> {
    const { epoch = '', seen } = this.#knowledge
    const answer = await FOLLOW.run(follower, this.#base, [epoch, `${seen}`, this.#id!])
    if (answer[0] === 'replaced') throw otherLog()
    const [, entries, newest, forgotten = null, large = null] = answer as FollowAnswer
    this.#isBehind = entries.length > 0
    return { entries, newest: Number(newest), forgotten, large }
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
