import { LogError } from '@tailrace/log'
import type { Session } from '@tailrace/log/adapter'
import type { Feed } from './feed.ts'
import type { Outlet } from './write-queue.ts'
import type { Consumption, SequencedRecord, Sequencer, SequencerDescription } from './sequencer.ts'

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
      .consume(Math.max(0, this.feed.place.position - 1), {
        records: async (records) => {
          if (await this.#isContinuous(records)) await this.feed.records(records)
        },
      })
      .catch((error: unknown) => {
        this.lose(LogError.is(error) ? error : new LogError('unreachable', String(error), { cause: error }))
        return undefined
      })
  }

  /**
   * Positions may have holes. But if the engine has removed records since the connection was made, before this node has
   * read them, then the next connection decides what can be done.
   */
  async #isContinuous(records: readonly SequencedRecord[]): Promise<boolean> {
    let { position } = this.feed.place
    const hole = records.find((record) => {
      const isAfterHole = record.position > position + 1
      if (!isAfterHole) position = record.position
      return isAfterHole
    })
    if (hole === undefined) return true
    try {
      const { oldest } = await this.sequencer.describe()
      if (oldest <= Math.max(position + 1, this.description.oldest)) return true
      throw new LogError(
        'unreachable',
        `The engine has removed records that this node has not read, from position ${position + 1} on.`,
        { details: { position, oldest } },
      )
    } catch (error) {
      this.lose(LogError.is(error) ? error : new LogError('unreachable', String(error), { cause: error }))
      return false
    }
  }

  async close(): Promise<void> {
    this.feed.stop(new LogError('unreachable', 'The connection to the engine was closed.'))
    await (await this.#consumption)?.stop()
    await this.sequencer.close()
  }
}
