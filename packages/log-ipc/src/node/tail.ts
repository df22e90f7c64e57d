import type { LogError, StoredEvent } from '@tailrace/log'
import type { EngineConnection } from '@tailrace/log/adapter'

import type { KnownPlace } from '../protocol/protocol.ts'
import type { IpcSession, SessionListener } from './session.ts'

/** The only tail of a node: continues with each connection where the last one ended. */
export class Tail implements SessionListener {
  readonly #connection: () => EngineConnection<IpcSession>
  readonly #waiting = new Set<() => void>()
  /** Everything up to here was reported, or reported to be lost. */
  #offset = 0
  /** The owner of the last connection, and its last purge. Undefined before the first connection. */
  #owner: string | undefined
  #purge = 0
  /** Topics whose purge an owner has begun, and not completed before it died. Bounded by the calls of an owner. */
  readonly #unsure = new Set<string>()

  constructor(connection: () => EngineConnection<IpcSession>) {
    this.#connection = connection
  }

  get known(): KnownPlace | undefined {
    if (this.#owner === undefined) return undefined
    return { offset: this.#offset, owner: this.#owner, purge: this.#purge }
  }

  /** Reports what the session brings. */
  follow(session: IpcSession): void {
    const { offset, owner, purge } = session.welcome
    if (this.#owner === undefined) {
      this.#offset = offset
      this.#purge = purge
    } else if (this.#owner !== owner) {
      this.#purge = 0
      for (const topic of this.#unsure) void this.#findPurge(topic, session)
    }
    this.#owner = owner
    // The first session begins before anybody can listen.
    setImmediate(() => session.follow(this))
  }

  /** Resolves with where it is once everything up to an offset was reported. @throws the reason if the session ends before */
  reach(offset: number, { lost }: IpcSession): Promise<number> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#offset < offset) return
        this.#waiting.delete(look)
        resolve(this.#offset)
      }
      const fail = (reason: LogError): void => {
        this.#waiting.delete(look)
        reject(reason)
      }
      this.#waiting.add(look)
      look()
      void lost.then(fail)
    })
  }

  events(events: readonly StoredEvent[]): void {
    const before = this.#offset
    // Those that were committed while a page was read are sent twice.
    const left = events[0]!.offset > before ? events : events.filter(({ offset }) => offset > before)
    if (left.length === 0) return
    this.#connection().tails.events(left)
    this.place(left.at(-1)!.offset)
  }

  lost(through: number): void {
    if (through <= this.#offset) return
    this.#connection().tails.lost(through)
    this.place(through)
  }

  place(offset: number): void {
    if (offset <= this.#offset) return
    this.#offset = offset
    for (const look of this.#waiting) look()
  }

  purging(topic: string): void {
    this.#unsure.add(topic)
  }

  purged(topic: string, through: number, number: number): void {
    this.#purge = number
    this.#unsure.delete(topic)
    this.#connection().tails.purged(topic, through)
  }

  kept(topic: string): void {
    this.#unsure.delete(topic)
  }

  interrupted(reason: LogError): void {
    this.#connection().tails.interrupted(reason)
  }

  resumed(): void {
    this.#connection().tails.resumed()
  }

  failed(error: LogError): void {
    this.#connection().fail(error)
  }

  /** Reports the purge of a topic that has lost everything up to some event. If this session ends too, the next one is asked. */
  async #findPurge(topic: string, { calls }: IpcSession): Promise<void> {
    const query = { selectors: [topic], after: 0, limit: 1, maxBytes: 1 }
    const page = await calls.call('read', [query]).catch(() => undefined)
    if (page === undefined || !this.#unsure.delete(topic)) return
    const { lostThrough, events } = page
    const isPurged = lostThrough > 0 && events.every(({ offset }) => offset > lostThrough)
    if (isPurged) this.#connection().tails.purged(topic, lostThrough)
  }
}
