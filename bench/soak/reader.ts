import { subscribe } from '@tailrace/client'
import type { Subscription } from '@tailrace/client'
import type { ReaderAudit } from '@tailrace/testkit'

/** Time between losses of its connection; short, so that a run has many. */
const DELAYS = { initialDelayMs: 20, maxDelayMs: 500 }

export interface ReaderOptions {
  readonly url: string
  /** Pause between two events. With 0, the reader keeps up. */
  readonly pauseMs: number
}

/** A reader that disconnects and reconnects, and always continues from where it was. */
export class Reader {
  readonly #audit: ReaderAudit
  readonly #options: ReaderOptions
  #subscription: Subscription<Record<string, string>> | undefined
  #lastEventId: string | undefined
  #isHurrying = false
  #failure: Error | undefined

  constructor(audit: ReaderAudit, options: ReaderOptions) {
    this.#audit = audit
    this.#options = options
    this.#open()
  }

  /** Disconnects, and reconnects with its last cursor. Events that it had read but not processed arrive again. */
  churn(): void {
    this.#subscription?.close()
    this.#open()
  }

  /** Processes events without a pause from now on. */
  hurry(): void {
    this.#isHurrying = true
  }

  close(): void {
    this.#subscription?.close()
    if (this.#failure !== undefined) throw this.#failure
  }

  #open(): void {
    const topics = this.#audit.publishers.map((name) => `topic=soak/${name}`).join('&')
    const options = this.#lastEventId === undefined ? DELAYS : { ...DELAYS, lastEventId: this.#lastEventId }
    const subscription = subscribe(`${this.#options.url}/events?${topics}&from=start`, options)
    this.#subscription = subscription
    this.#take(subscription).catch((error: Error) => (this.#failure = error))
  }

  async #take(subscription: Subscription<Record<string, string>>): Promise<void> {
    for await (const item of subscription) {
      // Events that a subscription has read when it is closed are dropped: its successor receives them.
      if (subscription !== this.#subscription) return
      if (item.kind === 'gap') this.#audit.tellGap()
      if (item.kind === 'event') {
        this.#audit.deliver(item.data, item.id)
        this.#lastEventId = item.id
        const { pauseMs } = this.#options
        if (pauseMs > 0 && !this.#isHurrying) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }
}
