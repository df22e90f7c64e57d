import type { Counters } from './counters.ts'
import { HubError } from './errors.ts'

/** Reads that are sent to the log at a time: one that it processes, and some so that it need not wait for the next. */
const MAX_RUNNING = 4
/** One client's maximum share of the reads that may wait. */
const CLIENT_SHARE = 1 / 4

/** The client on whose behalf the log is read. */
export interface Asker {
  /** Readers with the same name take turns as one. */
  readonly client: string
  /** Nobody is waiting for the result any more. */
  readonly isGone: boolean
  /** Called when it is its turn. Throws if there is no room for the result. */
  requireRoom?(): void
}

interface Waiting {
  readonly isGone: () => boolean
  readonly start: () => void
  readonly abandon: () => void
}

/** Reads of the log, one after the other. Clients take turns, so that none has to wait for all reads of another. */
export class ReadQueue {
  readonly #maxWaiting: number
  readonly #counters: Counters
  /** The waiting reads of each client. The client whose turn is next comes first. */
  readonly #byClient = new Map<string, Waiting[]>()
  #running = 0

  constructor(maxWaiting: number, counters: Counters) {
    this.#maxWaiting = maxWaiting
    this.#counters = counters
  }

  /**
   * @param isGone called when it is the read's turn; if nobody is waiting for it any more, it is skipped
   * @throws HubError `busy` if too many reads are waiting
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
      // Behind all other clients, if it has more reads.
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
