import { LogError } from '@tailrace/log'
import type { Appended, EventLog, NewEvent } from '@tailrace/log'
import { Backlog } from './backlog.ts'
import type { Counters } from './counters.ts'
import { Lanes } from './lanes.ts'
import type { LogReads } from './log-reads.ts'
import type { LogView } from './log-view.ts'
import type { ResolvedHubOptions } from './options.ts'
import type { Outage } from './outage.ts'
import { startRetention } from './retention.ts'
import type { Retention } from './retention.ts'
import { Streams } from './streams/streams.ts'
import type { StreamTerms } from './streams/terms.ts'
import { Waiters } from './waiters.ts'

/** What a hub shares over all logs that it follows, one after the other. */
export interface FollowingOptions {
  readonly log: EventLog
  readonly reads: LogReads
  readonly settings: ResolvedHubOptions
  readonly counters: Counters
  readonly outage: Outage
  readonly lastWords: LogView['lastWords']
  readonly streamTerms: StreamTerms
  /** @param appended - called with what is stored, before the promise resolves */
  append(
    batch: readonly NewEvent[],
    appended: (stored: readonly Appended[]) => void,
  ): Promise<readonly Appended[]>
  /** Called once the hub is attached to the log. */
  attached(following: Following): void
  /** Called after that, if the log has another identity or is lost. */
  failed(error: LogError): void
}

/** One log, of one epoch, and everything that this node keeps in memory about it. */
export interface Following {
  readonly view: LogView
  readonly lanes: Lanes
  readonly waiters: Waiters
  readonly streams: Streams
  /** Stores a batch that was checked. */
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]>
  /** Delivers nothing from now on. Resolves when the current step of retention is done. */
  end(): Promise<void>
}

/** Attaches to a log, so that everything that it commits reaches the lanes. @throws LogError if that fails */
export async function follow(options: FollowingOptions): Promise<void> {
  const { log, reads, settings, counters, outage } = options
  const { epoch, newest } = await log.describe()
  const lanes = new Lanes(reads, epoch, newest, settings, counters)
  const waiters = new Waiters()
  /** This node has appended up to this offset. Its tail may be behind. */
  let appended = newest
  let interruption: LogError | undefined
  let failure: LogError | undefined
  let isAttached = false
  let retention: Retention | undefined

  /** What is read after the log was replaced belongs to another epoch. */
  async function unlessReplaced<T>(reading: Promise<T>): Promise<T> {
    const result = await reading
    if (failure !== undefined) throw failure
    return result
  }

  const view: LogView = {
    epoch,
    get head() {
      return lanes.head
    },
    get now() {
      return Math.max(lanes.head, appended)
    },
    read: (query, asker) => unlessReplaced(reads.read(query, asker)),
    snapshot: (query, asker) => unlessReplaced(reads.snapshot(query, asker)),
    describe: (asker) => unlessReplaced(reads.describe(asker)),
    lastWords: options.lastWords,
    report: (error) => outage.report(error),
  }

  function append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
    return failure === undefined ? options.append(batch, remember) : Promise.reject(failure)
  }

  function remember(stored: readonly Appended[]): void {
    for (const { offset } of stored) if (offset > appended) appended = offset
  }

  const streams = new Streams({
    log,
    view,
    reads,
    settings,
    terms: options.streamTerms,
    append,
    isInterrupted: () => interruption !== undefined,
    report: view.report,
  })

  const backlog = new Backlog({
    event(event) {
      lanes.push(event)
      waiters.wake(event)
    },
    turn: () => lanes.handOut(),
    purged: (topic) => lanes.purged(topic),
    lost(through) {
      lanes.lose(through)
      waiters.wakeAll()
    },
    overflow(events) {
      lanes.skip(events)
      waiters.wakeAll()
    },
  })

  const tail = await log.tail({
    events(events) {
      counters.commitEvents.observe(events.length)
      retention?.witness(events.at(-1)!.time)
      streams.saw(events)
      backlog.add(events)
    },
    purged(topic, through) {
      streams.purged(topic, through)
      backlog.purge(topic)
    },
    lost(through) {
      void streams.missed()
      backlog.lose(through)
    },
    interrupted(reason) {
      interruption = reason
      outage.begin(reason)
    },
    resumed() {
      interruption = undefined
      streams.resumed()
      if (isAttached) outage.end()
    },
    failed(error) {
      failure = error
      streams.lose(error)
      if (isAttached) options.failed(error)
    },
  })
  lanes.advance(tail.after)

  function detach(): void {
    tail.stop()
    backlog.stop()
    lanes.stop()
    waiters.close()
    streams.stop()
  }

  try {
    // The log may have been replaced before the tail was attached.
    const { epoch: current } = await log.describe()
    if (failure !== undefined) throw failure
    if (current !== epoch)
      throw new LogError('unreachable', 'The log was replaced while the hub attached to it.')
  } catch (error) {
    detach()
    throw error
  }
  isAttached = true
  streams.start()
  const { retention: rules, trimIntervalMs } = settings
  retention = startRetention(log, rules, trimIntervalMs, (error) => outage.report(error))

  options.attached({
    view,
    lanes,
    waiters,
    streams,
    append,
    async end() {
      detach()
      await retention.stop()
    },
  })
  if (interruption === undefined) outage.end()
}
