import { LogError, type StoredEvent } from '@tailrace/log'
import type { TailListeners } from '@tailrace/log/adapter'

import type { Row } from './connection.ts'
import { toLogError } from './errors.ts'
import type { PostgresSession } from './session.ts'
import { COLUMNS, toEvent } from './stored-event.ts'

/** How often the tail asks without a notification, in milliseconds. This also finds out that the server is silent. */
const POLL_MS = 1_000
/** Maximum events, and bytes of data, of one answer. */
const MAX_EVENTS = 1_000
const MAX_BYTES = 4 * 1024 * 1024

/** Everything after a place, in order. Also events that retention has removed meanwhile, and purges, which have no time. */
const AHEAD = {
  name: 'ahead',
  text: `
    WITH ahead AS MATERIALIZED (
      (SELECT seq, octet_length(data) AS bytes FROM events WHERE seq > $1 ORDER BY seq LIMIT ${MAX_EVENTS})
      UNION ALL
      (SELECT seq, octet_length(data) FROM removed WHERE seq > $1 ORDER BY seq LIMIT ${MAX_EVENTS})
      UNION ALL
      (SELECT seq, 0 FROM purges WHERE seq > $1 ORDER BY seq LIMIT ${MAX_EVENTS})
    ), sized AS (
      SELECT seq, row_number() OVER w AS n, sum(bytes) OVER w - bytes AS before FROM ahead WINDOW w AS (ORDER BY seq)
    ), chosen AS MATERIALIZED (
      SELECT seq FROM sized WHERE n <= ${MAX_EVENTS} AND before < ${MAX_BYTES}
    ), found AS (
      SELECT seq, name, ${COLUMNS} FROM chosen JOIN events USING (seq) JOIN topics ON topics.id = events.topic
      UNION ALL SELECT seq, name, ${COLUMNS} FROM chosen JOIN removed USING (seq)
      UNION ALL SELECT seq, topic, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM chosen JOIN purges USING (seq)
    )
    SELECT epoch, newest() AS newest, (SELECT count(*) FROM ahead) > (SELECT count(*) FROM chosen) AS more, found.*
    FROM log LEFT JOIN found ON true ORDER BY seq`,
}

interface Waiter {
  readonly offset: number
  resolve(): void
}

/** The one tail of a node: reads what any node has committed, and reports it to the listeners. */
export class Tailer {
  readonly #listeners: TailListeners
  readonly #reached: (offset: number) => void
  /** Everything up to here was reported. */
  #position: number
  #session: PostgresSession | undefined
  readonly #waiters = new Set<Waiter>()

  /** @param reached - called with each new position */
  constructor(listeners: TailListeners, position: number, reached: (offset: number) => void) {
    this.#listeners = listeners
    this.#position = position
    this.#reached = reached
  }

  get position(): number {
    return this.#position
  }

  /** Reads from a session until it is lost. */
  follow(session: PostgresSession): void {
    this.#session = session
    let [isReading, isWoken] = [false, false]
    const read = async (): Promise<void> => {
      isWoken = true
      if (isReading) return
      isReading = true
      while (isWoken && this.#session === session) {
        isWoken = false
        if (await this.#read(session)) isWoken = true
      }
      isReading = false
    }
    const wake = (): void => void read()
    const timer = setInterval(wake, POLL_MS)
    session.tail.onNotification(wake)
    void session.lost.then(() => {
      clearInterval(timer)
      if (this.#session === session) this.#session = undefined
    })
    wake()
  }

  /** Resolves once everything up to an offset was reported, or there is nothing that could report it. */
  async reach(offset: number): Promise<void> {
    if (this.#position >= offset || this.#session === undefined) return
    const session = this.#session
    const { promise, resolve } = Promise.withResolvers<void>()
    const waiter = { offset, resolve }
    this.#waiters.add(waiter)
    await Promise.race([promise, session.lost])
    this.#waiters.delete(waiter)
  }

  /** Reports what follows. @returns whether there is more */
  async #read(session: PostgresSession): Promise<boolean> {
    try {
      const rows = await session.tail.run(AHEAD, [this.#position])
      // What arrives after the interruption was reported is read again by the next session.
      if (this.#session !== session) return false
      const { epoch, more } = rows[0]!
      if (epoch !== session.known.epoch) throw new LogError('replaced', 'The schema now holds another log.')
      this.#report(rows)
      return more as boolean
    } catch (error) {
      session.lose(toLogError(error, session.name))
      return false
    }
  }

  #report(rows: readonly Row[]): void {
    let run: StoredEvent[] = []
    const flush = (): void => {
      if (run.length > 0) this.#listeners.events(run)
      run = []
    }
    for (const row of rows) {
      if (row['seq'] === null) break
      this.#position = row['seq'] as number
      if (row['time'] !== null) {
        run.push(toEvent(row))
        continue
      }
      flush()
      this.#listeners.purged(row['name'] as string, this.#position)
    }
    flush()
    const { newest, more } = rows[0]!
    // Offsets at the end that nobody will see: of events that were removed long ago.
    if (more === false) this.#position = Math.max(this.#position, newest as number)
    this.#reached(this.#position)
    for (const waiter of this.#waiters) if (waiter.offset <= this.#position) waiter.resolve()
  }
}
