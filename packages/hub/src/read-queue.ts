import type { Counters } from './counters.ts'
import { HubError } from './errors.ts'

/** Reads that the log is asked for at a time: one that it works on, and some so that it need not wait for the next. */
const MAX_RUNNING = 4
/** The part of all reads that may wait which one client may have waiting. */
const CLIENT_SHARE = 1 / 4

/** On whose behalf the log is read. */
export interface Asker {
  /** Readers with the same name take turns as one. */
  readonly client: string
  /** Nobody waits for what it has asked any more. */
  readonly isGone: boolean
  /** Asked when it is its turn. Throws when there is no room for what would be read. */
  requireRoom?(): void
}

interface Waiting {
  readonly isGone: () => boolean
  readonly start: () => void
  readonly abandon: () => void
}

/** Reads of the log, one after the other; clients take turns, so that nobody waits for all that another one wants. */
export class ReadQueue {
  readonly #maxWaiting: number
  readonly #counters: Counters
  /** What each client waits for; the client whose turn is next comes first. */
  readonly #byClient = new Map<string, Waiting[]>()
  #running = 0

  constructor(maxWaiting: number, counters: Counters) {
    this.#maxWaiting = maxWaiting
    this.#counters = counters
  }

  /**
   * @param isGone asked when it is the read's turn: what nobody waits for any more is not read
   * @throws HubError `busy` when too much waits
   */
  async run<T>(client: string, isGone: () => boolean, read: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_RUNNING) await this.#turn(client, isGone)
    else this.#running += 1
    try {
      return await read()
    } finally {
      this.#running -= 1
      this.#next()
    }
  }

  #turn(client: string, isGone: () => boolean): Promise<void> {
    const own = this.#byClient.get(client) ?? []
    this.#assertRoom(own.length)
    return new Promise((resolve, reject) => {
      const abandon = (): void => reject(new HubError('closed', 'The reader disconnected before its turn.'))
      own.push({ isGone, start: resolve, abandon })
      this.#byClient.set(client, own)
      this.#counters.readsWaiting += 1
    })
  }

  #next(): void {
    for (const [client, own] of this.#byClient) {
      const live = own.findIndex(({ isGone }) => !isGone())
      const gone = own.splice(0, live === -1 ? own.length : live)
      for (const { abandon } of gone) abandon()
      const first = own.shift()
      this.#counters.readsWaiting -= gone.length + (first === undefined ? 0 : 1)
      // Behind all others, if there is more.
      this.#byClient.delete(client)
      if (own.length > 0) this.#byClient.set(client, own)
      if (first === undefined) continue
      this.#running += 1
      first.start()
      return
    }
  }

  #assertRoom(own: number): void {
    const isClientFull = own >= this.#maxWaiting * CLIENT_SHARE
    if (!isClientFull && this.#counters.readsWaiting < this.#maxWaiting) return
    this.#counters.readsRefused += 1
    const bound = isClientFull ? 'this client already has a quarter of max-queued-reads' : 'max-queued-reads'
    throw new HubError('busy', `Too many reads are waiting for the log (${bound}): try again later.`, {
      details: { limit: 'max-queued-reads' },
    })
  }
}
