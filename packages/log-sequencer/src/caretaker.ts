import type { Retention, RetentionRule } from '@tailrace/log'
import type { Threads } from '@tailrace/log/sqlite'
import type { Removed } from './index/remove.ts'
import type { IndexWriter } from './index/writer.ts'
import type { Life } from './life.ts'
import type { Removal } from './record/record.ts'
import type { WriteQueue } from './write-queue.ts'

/** How long a node leaves retention to the one that was at work last. */
const TURN_MS = 5_000
/** Fewer bytes of records behind the last checkpoint are not worth another one. */
const MIN_BYTES = 16 * 1024 * 1024

type Step = Awaited<ReturnType<Retention['trim']>>

const NOTHING: Step = { removed: 0, done: true }

/**
 * Removes what retention gives up: events from the index of every node, and records from the sequence once a checkpoint
 * carries what is still needed of them. Any node may do this, and twice is harmless: they only spare each other the
 * work.
 */
export class Caretaker {
  readonly #queue: WriteQueue
  /** The node that is at work, and when it last was, by the clock of this one. */
  #atWork = { node: '', at: Number.NEGATIVE_INFINITY }
  /** The connection on which a checkpoint was begun. */
  #writing: Life | undefined
  #isBusy = false

  constructor(queue: WriteQueue) {
    this.#queue = queue
  }

  /** Of two nodes that begin at the same time, the first one in the order stays at work. */
  saw(node: string): void {
    if (this.#atWork.node === node || !this.#isAtWork) this.#atWork = { node, at: performance.now() }
  }

  async step(
    life: Life,
    index: Threads<IndexWriter>,
    rules: readonly RetentionRule[],
    now: number,
  ): Promise<Step> {
    if (this.#isBusy || (this.#isAtWork && this.#atWork.node !== this.#queue.node)) return NOTHING
    this.#isBusy = true
    try {
      if (this.#writing === life) return await this.#writePart(life, index)
      const { removal, done } = await index.writer.call('plan', rules, now)
      const { removed, hasMore } = await this.#remove(removal)
      if (!done || hasMore) return { removed, done: false }
      if (!(await isWorthwhile(life, index))) return { removed, done }
      await index.writer.call('beginCheckpoint')
      this.#writing = life
      return { removed, done: false }
    } finally {
      this.#isBusy = false
    }
  }

  async #remove(removal: Removal | undefined): Promise<Removed> {
    if (removal === undefined) return { removed: 0, hasMore: false }
    return (await this.#queue.write({ kind: 'removal', removal })) as Removed
  }

  get #isAtWork(): boolean {
    return performance.now() - this.#atWork.at < TURN_MS
  }

  /**
   * Appends the next part of the checkpoint. After the last one, removes the records before the previous checkpoint: a
   * node that was cut off for a while still finds what it missed.
   */
  async #writePart(life: Life, index: Threads<IndexWriter>): Promise<Step> {
    const part = await index.writer.call('nextPart')
    if (part === undefined) {
      this.#writing = undefined
      return { removed: 0, done: false }
    }
    const { base } = await index.writer.call('standing')
    const { isBase } = (await this.#queue.write({ kind: 'part', part })) as { isBase: boolean }
    if (!part.isLast) return { removed: 0, done: false }
    this.#writing = undefined
    if (isBase && base > 0) await life.sequencer.trim(base)
    return NOTHING
  }
}

/**
 * Whether the records that a checkpoint would make superfluous are larger than it is, so that the engine stores at most
 * a few times the size of the index; or whether the engine has begun to remove records that are in no checkpoint.
 */
async function isWorthwhile({ sequencer }: Life, { writer }: Threads<IndexWriter>): Promise<boolean> {
  const { records, index } = await writer.call('sizes')
  if (records > Math.max(MIN_BYTES, index)) return true
  const { base } = await writer.call('standing')
  const { oldest } = await sequencer.describe()
  return oldest > base + 1
}
