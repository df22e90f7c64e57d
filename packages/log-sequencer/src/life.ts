import { LogError } from '@tailrace/log'
import type { Session } from '@tailrace/log/adapter'
import type { Feed } from './feed.ts'
import type { Outlet } from './write-queue.ts'
import type { Consumption, Sequencer, SequencerDescription } from './sequencer.ts'

/** One connection of a log to its sequencer, and the feed that it fills. */
export class Life implements Session {
  readonly sequencer: Sequencer
  readonly feed: Feed
  /** As it was when the connection was made. */
  readonly description: SequencerDescription
  readonly lost: Promise<LogError>
  #lose!: (reason: LogError) => void
  #consumption: Promise<Consumption | undefined> | undefined

  constructor(sequencer: Sequencer, description: SequencerDescription, feed: Feed) {
    this.sequencer = sequencer
    this.description = description
    this.feed = feed
    this.lost = new Promise((resolve) => {
      this.#lose = resolve
    })
    void sequencer.lost.then(this.#lose)
  }

  get outlet(): Outlet {
    const { maxRecordBytes } = this.description
    return {
      maxRecordBytes,
      append: (bytes) => this.sequencer.append(bytes),
      lose: (reason) => this.lose(reason),
    }
  }

  lose(reason: LogError): void {
    this.#lose(reason)
  }

  /**
   * Begins to consume, once. The last record that was applied is consumed again: if it is another one now, the engine
   * went back in time.
   */
  consume(): void {
    this.#consumption ??= this.sequencer
      .consume(Math.max(0, this.feed.place.position - 1), this.feed)
      .catch((error: unknown) => {
        this.lose(LogError.is(error) ? error : new LogError('unreachable', String(error), { cause: error }))
        return undefined
      })
  }

  async close(): Promise<void> {
    this.feed.stop(new LogError('unreachable', 'The connection to the engine was closed.'))
    await (await this.#consumption)?.stop()
    await this.sequencer.close()
  }
}
