import { LogError } from '@tailrace/log'
import { EngineConnection, type TailListeners, within } from '@tailrace/log/adapter'
import { Threads } from '@tailrace/log/sqlite'
import { loadBase } from './base.ts'
import { settleEpoch } from './epoch.ts'
import { Feed, type FeedListener, type Place } from './feed.ts'
import { assertContinued, assertOurs, findLoss } from './identity.ts'
import type { PlacedRecord } from './index/apply.ts'
import type { Standing } from './index/schema.ts'
import type { IndexWriter } from './index/writer.ts'
import { Life } from './life.ts'
import type { ConnectSequencer } from './sequencer.ts'
import type { WriteQueue } from './write-queue.ts'

/** How long opening a log waits for its index to be built. After that, the log is open, and not ready. */
const OPENING_MS = 5_000
/** How many records the index may lack before the operator receives a line. */
const WORTH_A_WORD = 10_000

export interface IndexedSequenceOptions {
  readonly connect: ConnectSequencer
  /** The file of the index. */
  readonly path: string
  readonly queue: WriteQueue
  readonly warn: (sentence: string) => void
  /** A node is at work on retention. */
  readonly tended: (node: string) => void
}

/** A sequence, as this node reaches it, and the index that is derived from it. */
export class IndexedSequence {
  readonly index: Threads<IndexWriter>
  readonly #options: IndexedSequenceOptions
  #connection: EngineConnection<Life> | undefined
  /** The newest connection, whether or not it is still of use. */
  #life: Life | undefined
  #epoch = ''
  /** How far the node had come when the last connection was lost. Undefined until the index was up to date once. */
  #place: Place | undefined
  /**
   * The index is brought up to date for the first time since the log was opened. Nobody has a tail until then, so this
   * may take as long as it must.
   */
  #building: Promise<Life> | undefined
  #isOpening = true
  /** What the index could not apply, for example because the disk is full. */
  #stuck: { readonly reason: LogError; readonly records: readonly PlacedRecord[] | undefined } | undefined
  #hasForeign = false

  private constructor(options: IndexedSequenceOptions, index: Threads<IndexWriter>) {
    this.#options = options
    this.index = index
  }

  /** Resolves when the index is up to date, or when that takes long. @throws LogError */
  static async open(options: IndexedSequenceOptions): Promise<IndexedSequence> {
    let sequence: IndexedSequence | undefined
    // Emitted JavaScript keeps this URL as it is written, so it must name the file that really exists.
    const body = import.meta.url.endsWith('.ts') ? './index/worker.ts' : './index/worker.js'
    const index = await Threads.start<IndexWriter>(new URL(body, import.meta.url), options.path, {
      died: (reason) => sequence?.lose(reason),
      async revived() {},
      complete() {},
    })
    sequence = new IndexedSequence(options, index)
    try {
      await sequence.#open()
      return sequence
    } catch (error) {
      await index.close()
      throw error
    }
  }

  get tails(): TailListeners {
    return this.#connection!.tails
  }

  /** The live connection. @throws LogError with the reason why there is no connection */
  get life(): Life {
    if (this.#building !== undefined && this.#life !== undefined) throw this.#progress(this.#life)
    return this.#connection!.session
  }

  /** Begins again with another connection, and what was applied. */
  lose(reason: LogError): void {
    this.#life?.lose(reason)
  }

  async close(): Promise<void> {
    await this.#connection!.close()
    await this.#building?.catch(() => undefined)
    await this.#life?.close()
    await this.index.close()
  }

  async #open(): Promise<void> {
    this.#connection = await EngineConnection.open<Life>({
      connect: (signal) => this.#connect(signal),
      connected: (life) => life.consume(),
    })
    this.#isOpening = false
  }

  async #connect(signal: AbortSignal): Promise<Life> {
    if (this.#place !== undefined) return this.#establish(signal)
    this.#building ??= this.#build(signal).finally(() => {
      this.#building = undefined
    })
    const building = this.#building
    if (!this.#isOpening) return building
    return (await within(OPENING_MS, building, () => this.#late())) as Life
  }

  /** Connects, and checks that the index is one of this sequence. */
  async #establish(signal: AbortSignal): Promise<Life> {
    await this.#retry()
    const { path, connect, queue } = this.#options
    let standing = await this.index.writer.call('standing')
    const sequencer = await connect(signal)
    try {
      const description = await sequencer.describe()
      assertOurs(path, standing, description, this.#place !== undefined)
      const loss = findLoss(path, standing, description)
      if (loss !== undefined) standing = await this.#forsake(loss)
      if (this.#place !== undefined) assertContinued(this.#place, description)
      const life = new Life(
        sequencer,
        description,
        new Feed(this.index, queue, this.#listener, this.#place ?? standing),
      )
      void this.#follow(life)
      this.#life = life
      // Before the tails learn of it: they may publish at once.
      if (this.#place !== undefined) queue.connect(life.outlet, this.#epoch)
      return life
    } catch (error) {
      await sequencer.close()
      throw error
    }
  }

  /** Applies what the index could not apply before. It is reported later. */
  async #retry(): Promise<void> {
    if (this.#stuck === undefined) return
    const { reason, records } = this.#stuck
    if (records === undefined) throw reason
    if (reason.code === 'replaced') await this.#forsake(reason)
    else await this.index.writer.call('apply', records)
    this.#stuck = undefined
  }

  /** Empties an index that holds what the engine has lost. @throws that loss, if readers have seen the index */
  async #forsake(loss: LogError): Promise<Standing> {
    if (this.#place !== undefined) throw loss
    this.#options.warn(
      `${loss.message} The index is built again, and the log gets a new epoch, unless another node has given it one: ` +
        'readers receive a gap, and everything that is left.',
    )
    await this.index.writer.call('forsake')
    return this.index.writer.call('standing')
  }

  /** Rejects what waits for a connection once that is lost. */
  async #follow(life: Life): Promise<void> {
    const { lost, feed } = life
    const reason = await lost
    feed.stop(reason)
    if (this.#life !== life) return
    this.#options.queue.disconnect(reason)
    // What is being built decides for itself what becomes of it.
    if (this.#place === undefined) return
    this.#place = feed.place
    if (reason.code === 'replaced') this.#connection?.fail(reason)
  }

  get #listener(): FeedListener {
    return {
      events: (events) => this.#connection?.tails.events(events),
      purged: (topic, through) => this.#connection?.tails.purged(topic, through),
      lost: (through) => this.#connection?.tails.lost(through),
      foreign: (position) => this.#foreign(position),
      renewed: (position) => this.#renewed(position),
      tended: this.#options.tended,
      failed: (reason, records) => {
        this.#stuck = { reason, records }
        this.#life?.lose(reason)
      },
    }
  }

  #foreign(position: number): void {
    if (this.#hasForeign) return
    this.#hasForeign = true
    this.#options.warn(
      `The record at position ${position} was not written by Tailrace: it is skipped, as are all others that were not. ` +
        'Find out which other program writes to the log, and withdraw its permission.',
    )
  }

  /** The readers of this node know the epoch before: the log ends, and is opened again as another one. */
  #renewed(position: number): void {
    if (this.#place === undefined) return
    const reason = new LogError(
      'replaced',
      `A node has found that the engine went back in time: the log has another epoch from position ${position} on.`,
      { details: { position } },
    )
    this.#life?.feed.stop(reason)
    this.lose(reason)
  }

  /** Brings the index up to date. If it turns out to hold what the engine has lost, it is built again. */
  async #build(signal: AbortSignal): Promise<Life> {
    try {
      return await this.#attempt(signal)
    } catch (error) {
      if (!LogError.is(error) || error.code !== 'replaced') throw error
      return await this.#attempt(signal)
    }
  }

  async #attempt(signal: AbortSignal): Promise<Life> {
    const life = await this.#establish(signal)
    const stopped = Promise.race([life.lost, aborted(signal)]).then((reason) => Promise.reject(reason))
    stopped.catch(() => undefined)
    try {
      await this.#catchUp(life, stopped)
      this.#epoch = await settleEpoch(this.index, this.#options.queue, life)
      this.#place = life.feed.place
      this.#options.queue.connect(life.outlet, this.#epoch)
      return life
    } catch (error) {
      await life.close()
      throw error
    }
  }

  async #catchUp(life: Life, stopped: Promise<never>): Promise<void> {
    const { path, warn } = this.#options
    const { sequencer, description, feed } = life
    const { identity, oldest, newest } = description
    const began = performance.now()
    const missing = newest - Math.max(feed.place.position, oldest - 1)
    if (missing > WORTH_A_WORD) {
      warn(`The index ${path} is being built from about ${missing} records: the log is not ready until then.`)
    }
    const standing = await this.index.writer.call('standing')
    if (standing.position < oldest - 1) {
      const hasBase = await loadBase(this.index, sequencer, description, stopped)
      if (!hasBase) {
        // The records that are left belong to a log that nobody knows any more, and change nothing.
        await this.index.writer.call('reset', identity)
        warn(
          `The engine has lost the beginning of the log, and no other node has written a checkpoint: a new log begins, ` +
            'without the events of the old one.',
        )
      }
      feed.moveTo(await this.index.writer.call('standing'))
    } else if (standing.epoch === '') {
      await this.index.writer.call('reset', identity)
      feed.moveTo({ position: 0, newest: 0 })
    }
    const isRepeated = feed.place.position >= oldest
    life.consume()
    // The last record that was applied is consumed again, if it is still there: it may be another one now.
    if (isRepeated) await Promise.race([within(OPENING_MS, feed.began, () => undefined), stopped])
    await Promise.race([feed.reach(newest), stopped])
    if (missing > WORTH_A_WORD) {
      warn(`The index ${path} is complete, after ${Math.round((performance.now() - began) / 1000)} s.`)
    }
  }

  #late(): LogError {
    return this.#life === undefined
      ? new LogError('unreachable', 'The engine has not answered yet.')
      : this.#progress(this.#life)
  }

  #progress({ feed, description }: Life): LogError {
    const { position } = feed.place
    const { newest } = description
    return new LogError(
      'unreachable',
      `The index ${this.#options.path} is being built: it has reached position ${position} of ${newest}.`,
      { details: { position, newest } },
    )
  }
}

/** Resolves with the error for it when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<LogError> {
  return new Promise((resolve) => {
    const end = (): void => resolve(new LogError('closed', 'The log is closed.'))
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
