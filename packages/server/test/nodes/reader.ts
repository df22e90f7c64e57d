import { EventSource } from '@tailrace/client'
import type { ReaderAudit } from '@tailrace/testkit'

/** An `EventSource` to the letter: it comes back when `retry:` says, from its last id, and drops no duplicate. */
export class Reader {
  readonly #source: EventSource
  /** The number of times that its connection ended or broke. */
  interruptions = 0
  /** The longest time without an event. */
  longestMs = 0
  #last = performance.now()
  readonly audit: ReaderAudit

  constructor(audit: ReaderAudit, url: string) {
    this.audit = audit
    this.#source = new EventSource(url)
    this.#source.addEventListener('message', (event) => {
      const { data, lastEventId } = event as MessageEvent<string>
      const now = performance.now()
      this.longestMs = Math.max(this.longestMs, now - this.#last)
      this.#last = now
      audit.deliver(data, lastEventId)
    })
    this.#source.addEventListener('tailrace.gap', () => audit.tellGap())
    this.#source.addEventListener('error', () => (this.interruptions += 1))
  }

  /** Whether it gave up: a browser's page would have to be reloaded. */
  get hasGivenUp(): boolean {
    return this.#source.readyState === EventSource.CLOSED
  }

  close(): void {
    this.#source.close()
  }
}
