import { LogError } from '@tailrace/log'
import type { TailListeners } from '@tailrace/log/adapter'

import type { Reply } from './connection.ts'
import { isBefore, toEntry, type Entry, type Place } from './entry.ts'
import { FOLLOW } from './scripts/follow.ts'
import type { Knowledge, RedisSession } from './session.ts'

/** How long Redis waits for the next event before it answers that there is none. */
const WAIT_MS = 1_000
/** An event may have a mebibyte, so only few are requested without knowing how large they are. */
const WAIT_COUNT = 16

/** The only tail of a node: reports what any node has appended, in order, from where the last session ended. */
export class Tail {
  readonly #listeners: () => TailListeners
  readonly #knowledge: Knowledge
  readonly #base: string
  #id: string | undefined
  #place: Place = { offset: 0, order: 0 }
  readonly #waiting = new Set<() => void>()

  constructor(listeners: () => TailListeners, knowledge: Knowledge, base: string) {
    this.#listeners = listeners
    this.#knowledge = knowledge
    this.#base = base
  }

  /** Everything up to here was reported. */
  get offset(): number {
    return this.#place.offset
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
    try {
      for (;;) await this.#report(await this.#next(session), session)
    } catch (error) {
      session.end(LogError.is(error) ? error : new LogError('corrupt', String(error), { cause: error }))
    }
  }

  /**
   * Waits for the next entries. Right behind them, asks which log they are from: the answer is no later than them.
   */
  async #next(session: RedisSession): Promise<readonly Reply[]> {
    const { epoch, seen } = this.#knowledge
    const block = ['BLOCK', `${WAIT_MS}`, 'COUNT', `${WAIT_COUNT}`]
    const { follower } = session
    const [read, identity] = await Promise.all([
      follower.call(['XREAD', ...block, 'STREAMS', `${this.#base}log`, this.#id!], WAIT_MS),
      follower.call(['HMGET', `${this.#base}meta`, 'epoch', 'newest'], WAIT_MS),
    ])
    const [nowEpoch, newest] = identity as readonly (string | null)[]
    if (nowEpoch !== epoch || Number(newest) < seen) {
      throw new LogError('unreachable', 'Redis does not have the log that was opened here any more.')
    }
    if (read === null) return []
    const [[, entries]] = read as unknown as readonly [readonly [string, readonly Reply[]]]
    return entries
  }

  /** Reports entries, and everything behind them, if there may be more. */
  async #report(first: readonly Reply[], session: RedisSession): Promise<void> {
    this.#tell(first)
    for (let more = first.length === WAIT_COUNT; more;) {
      const [, hasMore, entries] = await session.run(FOLLOW, [this.#id!])
      this.#tell(entries as readonly Reply[])
      more = hasMore === 1
    }
  }

  #tell(replies: readonly Reply[]): void {
    let run: Entry[] = []
    const flush = (): void => {
      const events = run.map(({ event }) => event!)
      run = []
      if (events.length > 0) this.#listeners().events(events)
    }
    for (const entry of replies.map(toEntry)) {
      if (entry.event === undefined) {
        flush()
        if (entry.purged !== undefined) this.#listeners().purged(entry.purged.topic, entry.purged.through)
      } else {
        run.push(entry)
      }
      this.#id = entry.id
      this.#place = entry
    }
    flush()
    this.#knowledge.seen = Math.max(this.#knowledge.seen, this.#place.offset)
    for (const look of this.#waiting) look()
  }
}
