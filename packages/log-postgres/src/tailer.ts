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
const MAX_BYTES = 1024 * 1024

/** Everything after an event and a purge, in order; also events that retention has removed meanwhile. */
const AHEAD = {
  name: 'ahead',
  text: `
    WITH head AS MATERIALIZED (SELECT epoch, newest() AS newest, missing_through FROM log), ahead AS MATERIALIZED (
      (SELECT seq, 0::bigint AS purge, octet_length(data) AS bytes FROM events WHERE seq > $1 ORDER BY seq LIMIT ${MAX_EVENTS + 1})
      UNION ALL
      (SELECT seq, 0, octet_length(data) FROM removed WHERE seq > $1 ORDER BY seq LIMIT ${MAX_EVENTS + 1})
      UNION ALL
      (SELECT seq, n, 0 FROM purges WHERE n > $2 ORDER BY n LIMIT ${MAX_EVENTS + 1})
    ), sized AS (
      SELECT seq, purge, row_number() OVER w AS nth, sum(bytes) OVER w - bytes AS before
      FROM ahead WINDOW w AS (ORDER BY seq, purge)
    ), chosen AS MATERIALIZED (
      SELECT seq, purge FROM sized WHERE nth <= ${MAX_EVENTS} AND before < ${MAX_BYTES}
    ), found AS (
      SELECT seq, purge, name, ${COLUMNS} FROM chosen JOIN events USING (seq) JOIN topics ON topics.id = events.topic
      WHERE purge = 0
      UNION ALL SELECT seq, purge, name, ${COLUMNS} FROM chosen JOIN removed USING (seq) WHERE purge = 0
      UNION ALL SELECT purges.seq, n, topic, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM chosen JOIN purges ON n = purge
    )
    SELECT head.*, (SELECT count(*) FROM ahead) > (SELECT count(*) FROM chosen) AS more, found.*
    FROM head LEFT JOIN found ON true ORDER BY seq, purge`,
}

/** The one tail of a node: reads what any node has committed, and reports it to the listeners. */
export class Tailer {
  readonly #listeners: TailListeners
  readonly #reached: (offset: number) => void
  /** Everything up to here was reported. */
  #position: number
  /** The number of the purge that was reported last. */
  #lastPurge: number
  #session: PostgresSession | undefined
  /** Called after each report, and when a session is lost. */
  readonly #waiters = new Set<() => void>()

  /** @param reached - called with each new position */
  constructor(
    listeners: TailListeners,
    { known, lastPurge }: PostgresSession,
    reached: (offset: number) => void,
  ) {
    this.#listeners = listeners
    this.#position = known.newest
    this.#lastPurge = lastPurge
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
    wake()
    void this.#untilLost(session, timer)
  }

  async #untilLost(session: PostgresSession, timer: NodeJS.Timeout): Promise<void> {
    await session.lost
    clearInterval(timer)
    if (this.#session === session) this.#session = undefined
    for (const look of this.#waiters) look()
  }

  /** Resolves once everything up to an offset was reported, or the session is lost. */
  reach(offset: number): Promise<void> {
    return this.#until(() => this.#position >= offset)
  }

  /** Resolves once the purge with a number was reported, or the session is lost. */
  reachPurge(number: number): Promise<void> {
    return this.#until(() => this.#lastPurge >= number)
  }

  async #until(isReached: () => boolean): Promise<void> {
    const session = this.#session
    if (session === undefined || isReached()) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = (): void => {
      if (this.#session !== session || isReached()) resolve()
    }
    this.#waiters.add(look)
    // Not a race with the loss of the session: each would be held in memory for as long as the session.
    await promise
    this.#waiters.delete(look)
  }

  /** Reports what follows. @returns whether there is more */
  async #read(session: PostgresSession): Promise<boolean> {
    try {
      const rows = await session.tail.run(AHEAD, [this.#position, this.#lastPurge])
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
    const { newest, more, missing_through: missing } = rows[0]!
    if (this.#position < (missing as number)) {
      this.#position = missing as number
      this.#listeners.lost(this.#position)
    }
    const from = this.#position
    let run: StoredEvent[] = []
    const flush = (): void => {
      if (run.length > 0) this.#listeners.events(run)
      run = []
    }
    for (const row of rows) {
      if (row['seq'] === null) break
      // A purge that this node learns of late is of what it has long reported.
      this.#position = Math.max(this.#position, row['seq'] as number)
      if (row['purge'] === 0) {
        if ((row['seq'] as number) > from) run.push(toEvent(row))
        continue
      }
      flush()
      this.#lastPurge = row['purge'] as number
      this.#listeners.purged(row['name'] as string, row['seq'] as number)
    }
    flush()
    // Offsets at the end that nobody will see: of events that were removed long ago.
    if (more === false) this.#position = Math.max(this.#position, newest as number)
    this.#reached(this.#position)
    for (const look of this.#waiters) look()
  }
}
