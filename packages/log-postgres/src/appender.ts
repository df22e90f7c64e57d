import { LogError, type Appended, type NewEvent } from '@tailrace/log'
import { topicEnded } from '@tailrace/log/adapter'

import { isRefusal, toLogError } from './errors.ts'
import type { PostgresSession } from './session.ts'

/** Maximum bytes of data waiting for the next commit. Beyond that, `append` rejects with `busy`. */
const MAX_PENDING_BYTES = 64 * 1024 * 1024
/** Maximum data and events of one commit, unless a single batch has more. */
const MAX_GROUP_BYTES = 2 * 1024 * 1024
const MAX_GROUP_EVENTS = 1_000
/** Maximum data of one batch. A message to the server can have 1 GiB. */
const MAX_BATCH_BYTES = 256 * 1024 * 1024
/** The size of an event in addition to its data, so that a flood of empty events is bounded too. */
const EVENT_OVERHEAD = 256

const APPEND = {
  name: 'append',
  text: 'SELECT append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS stored',
}

interface Stored {
  readonly places: readonly number[]
  readonly repeats: readonly boolean[]
  /** For each batch, the number of the event because of which it was refused, from 1. Empty if none was. */
  readonly refused: readonly (number | null)[]
}

interface Pending {
  readonly batch: readonly NewEvent[]
  readonly bytes: number
  resolve(appended: readonly Appended[]): void
  reject(error: unknown): void
}

/** Stores batches in groups: what is appended while one commit is under way shares the next. */
export class Appender {
  readonly #session: () => PostgresSession
  readonly #now: (() => number) | undefined
  readonly #name: string
  readonly #pending: Pending[] = []
  #pendingBytes = 0
  #running: Promise<void> | undefined

  /** @param session - the live session. Throws the reason why there is no session. */
  constructor(session: () => PostgresSession, name: string, now: (() => number) | undefined) {
    this.#session = session
    this.#name = name
    this.#now = now
  }

  append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
    const bytes = batch.reduce((sum, { data }) => sum + Buffer.byteLength(data) + EVENT_OVERHEAD, 0)
    return new Promise((resolve, reject) => {
      this.#session()
      if (bytes > MAX_BATCH_BYTES)
        throw new LogError(
          'too-large',
          `The batch has ${bytes} bytes: PostgreSQL takes ${MAX_BATCH_BYTES}.`,
          {
            details: { limit: MAX_BATCH_BYTES },
          },
        )
      if (this.#pending.length > 0 && this.#pendingBytes + bytes > MAX_PENDING_BYTES)
        throw new LogError('busy', `${this.#pendingBytes} bytes wait for their commit: retry later.`)
      this.#pending.push({ batch, bytes, resolve, reject })
      this.#pendingBytes += bytes
      this.#running ??= this.#run()
    })
  }

  /** Resolves once everything that was accepted is settled. */
  async settle(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    // What else is appended in this turn of the event loop joins the first group.
    await Promise.resolve()
    while (this.#pending.length > 0) await this.#commit(this.#nextGroup())
    this.#running = undefined
  }

  #nextGroup(): Pending[] {
    let [bytes, events, count] = [0, 0, 0]
    for (const one of this.#pending) {
      bytes += one.bytes
      events += one.batch.length
      if (count > 0 && (bytes > MAX_GROUP_BYTES || events > MAX_GROUP_EVENTS)) break
      count += 1
    }
    const group = this.#pending.splice(0, count)
    this.#pendingBytes -= group.reduce((sum, one) => sum + one.bytes, 0)
    return group
  }

  async #commit(group: readonly Pending[]): Promise<void> {
    let session: PostgresSession
    try {
      session = this.#session()
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    try {
      settle(group, await this.#store(session, group))
    } catch (error) {
      // What is wrong with one batch must not affect those that happened to be in its group.
      if (group.length > 1 && isRefusal(error)) for (const one of group) await this.#commit([one])
      else for (const { reject } of group) reject(this.#failure(error))
    }
  }

  async #store({ writer, known }: PostgresSession, group: readonly Pending[]): Promise<Stored> {
    const events = group.flatMap(({ batch }) => batch)
    const datas = events.map(({ data }) => Buffer.from(data))
    const starts: number[] = []
    let start = 0
    for (const { length } of datas) {
      starts.push(start)
      start += length
    }
    const [row] = await writer.run(APPEND, [
      known.epoch,
      this.#now?.(),
      group.map(({ batch }) => batch.length),
      Buffer.concat(datas),
      starts,
      datas.map(({ length }) => length),
      events.map(({ topic }) => topic),
      events.map(({ type }) => type),
      events.map(({ key }) => key),
      events.map(({ remove }) => remove === true),
      events.map(({ end }) => end === true),
      events.map(({ idempotencyKey }) => idempotencyKey),
      events.map(({ trace }) => trace?.traceparent),
      events.map(({ trace }) => trace?.tracestate),
    ])
    return row!['stored'] as Stored
  }

  #failure(error: unknown): LogError {
    const reason = toLogError(error, this.#name)
    if (isRefusal(error) || reason.code === 'busy') return reason
    return new LogError('outcome-unknown', `It is unknown whether the batch was stored. ${reason.message}`, {
      cause: error,
      details: reason.details,
    })
  }
}

function settle(group: readonly Pending[], { places, repeats, refused }: Stored): void {
  let first = 0
  for (const [number, { batch, resolve, reject }] of group.entries()) {
    const index = refused[number]
    if (index === undefined || index === null) {
      const from = first
      resolve(batch.map((_, i) => ({ offset: places[from + i]!, duplicate: repeats[from + i]! })))
    } else {
      reject(topicEnded({ topic: batch[index - 1]!.topic, index: index - 1 }))
    }
    first += batch.length
  }
}
