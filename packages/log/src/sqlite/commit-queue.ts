import { topicEnded } from '../end-of-topic.ts'
import { LogError } from '../errors.ts'
import type { Appended, NewEvent, StoredEvent } from '../event-log.ts'
import { packBatches, unpackResults } from './packed.ts'
import type { PackedBatches, PackedResults } from './packed.ts'
import { storedEvents } from './stored-events.ts'

/** The size of an event in addition to its data, so that a flood of empty events is bounded too. */
const EVENT_OVERHEAD = 256

/**
 * Maximum data of one commit, unless a single batch has more: a commit is one turn of the writer, and must fit into
 * the space reserved on the disk for the write-ahead log.
 */
const MAX_COMMIT_LENGTH = 2 * 1024 * 1024

interface Pending {
  readonly batch: readonly NewEvent[]
  readonly length: number
  resolve(appended: readonly Appended[]): void
  reject(error: unknown): void
}

/** What was handed to the writer together. */
interface Group {
  readonly pending: readonly Pending[]
  readonly length: number
  readonly events: number
  readonly time: number
}

export interface CommitQueueOptions {
  readonly maxPendingLength: number
  now(): number
  /** @returns undefined if the results come with those of the next group, which was committed together with this one */
  commit(batches: PackedBatches): Promise<PackedResults | undefined>
  /** Called before the appends of these events resolve. */
  stored(events: readonly StoredEvent[]): void
}

/**
 * Groups what is appended into commits. If none is under way, what is appended in one turn shares the first. What the
 * writer is handed during a commit shares the next one, which it begins without waiting for this thread, so that one
 * commits while the other reads more. To hand over each event at once would cost a message for each: they collect until
 * there are as many as the writer has yet to answer.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions
  #pending: Pending[] = []
  #pendingEvents = 0
  /** In the order in which they were handed over. The writer is busy with the first one. */
  #underWay: Group[] = []
  #underWayLength = 0
  #underWayEvents = 0
  /** Of what waits for its turn, here or at the writer. */
  #waitingLength = 0
  #last: Promise<void> | undefined

  constructor(options: CommitQueueOptions) {
    this.#options = options
  }

  /** @throws LogError `busy`, or as `commit` does */
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
    return new Promise((resolve, reject) => {
      let length = 0
      for (const { data } of batch) length += data.length + EVENT_OVERHEAD
      this.#assertRoom(length)
      const isFirst = this.#underWay.length === 0 && this.#pending.length === 0
      this.#pending.push({ batch, length, resolve, reject })
      this.#pendingEvents += batch.length
      if (isFirst) {
        // It does not wait for a commit: it begins one, with all that is appended in the same turn.
        queueMicrotask(() => {
          this.#waitingLength += length
          this.#handOver()
        })
        return
      }
      this.#waitingLength += length
      if (this.#underWay.length > 0 && this.#pendingEvents >= this.#underWayEvents) this.#handOver()
    })
  }

  #assertRoom(length: number): void {
    const { maxPendingLength } = this.#options
    if (this.#waitingLength === 0 || this.#waitingLength + length <= maxPendingLength) return
    throw new LogError('busy', 'Too many events are waiting to be written: publish again later.', {
      details: { pendingLength: this.#waitingLength, maxPendingLength },
    })
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#pending.length > 0 || this.#underWay.length > 0) await this.#last
  }

  #handOver(): void {
    const pending = this.#take(MAX_COMMIT_LENGTH - this.#underWayLength)
    if (pending.length === 0) return
    let [length, events] = [0, 0]
    for (const one of pending) {
      length += one.length
      events += one.batch.length
    }
    const group = { pending, length, events, time: this.#options.now() }
    if (this.#underWay.length === 0) this.#waitingLength -= length
    this.#underWay.push(group)
    this.#underWayLength += length
    this.#underWayEvents += events
    this.#pendingEvents -= events
    this.#last = this.#commit(group)
  }

  async #commit(group: Group): Promise<void> {
    const batches = group.pending.map(({ batch }) => batch)
    let results: PackedResults | undefined
    try {
      results = await this.#options.commit(packBatches(batches, group.time))
    } catch (error) {
      this.#failed(group, error)
      return
    }
    if (results !== undefined) this.#committed(group, results)
  }

  /** Takes as many of those that wait as fit into a length; at least one if nothing is under way. */
  #take(maxLength: number): Pending[] {
    let length = 0
    let count = 0
    for (const one of this.#pending) {
      length += one.length
      if (length > maxLength && (count > 0 || this.#underWay.length > 0)) break
      count += 1
    }
    return this.#pending.splice(0, count)
  }

  /** The next group is on its way before listeners and publishers learn of this one: the more readers, the longer that takes. */
  #committed(last: Group, results: PackedResults): void {
    const groups = this.#finish(last)
    const pending = groups.flatMap((group) => group.pending)
    const batches = pending.map(({ batch }) => batch)
    const each = unpackResults(results, batches)
    let i = 0
    const events = groups.flatMap((group) =>
      group.pending.flatMap(({ batch }) => storedEvents(batch, each[i++]!, group.time)),
    )
    if (events.length > 0) this.#options.stored(events)
    for (const [at, { resolve, reject }] of pending.entries()) {
      const result = each[at]!
      if ('appended' in result) resolve(result.appended)
      else reject(topicEnded(result.refused))
    }
  }

  #failed(last: Group, error: unknown): void {
    for (const { pending } of this.#finish(last)) for (const { reject } of pending) reject(error)
  }

  /** @returns the groups that are done: the last one, and those that were committed together with it */
  #finish(last: Group): readonly Group[] {
    const groups = this.#underWay.splice(0, this.#underWay.indexOf(last) + 1)
    for (const { length, events } of groups) {
      this.#underWayLength -= length
      this.#underWayEvents -= events
    }
    for (const { length } of [...groups.slice(1), ...this.#underWay.slice(0, 1)])
      this.#waitingLength -= length
    this.#handOver()
    return groups
  }
}
