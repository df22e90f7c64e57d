import { capabilityOf, formatCursor, LogError } from '@tailrace/log'
import type { Appended, EventLog, LogErrorCode, NewEvent, TopicQuery, TopicSummary } from '@tailrace/log'
import { Backlog } from './backlog.ts'
import type { Connection } from './connection.ts'
import { checkBatch } from './check-batch.ts'
import { Counters } from './counters.ts'
import type { Dialect } from './dialect.ts'
import { HubError } from './errors.ts'
import { clientOf } from './connection.ts'
import { readHistory } from './history.ts'
import type { History, HistoryQuery } from './history.ts'
import { Lanes } from './lanes.ts'
import { locate } from './locate.ts'
import { LogReads } from './log-reads.ts'
import type { LogView } from './log-view.ts'
import { resolveHubOptions } from './options.ts'
import type { HubOptions, ResolvedHubOptions } from './options.ts'
import { Outage } from './outage.ts'
import { Payload } from './payload.ts'
import { ReadQueue } from './read-queue.ts'
import type { Asker } from './read-queue.ts'
import { Readiness } from './readiness.ts'
import { assertEnforceable, startRetention } from './retention.ts'
import { Rounds } from './rounds.ts'
import type { Sink } from './sink.ts'
import { Subscriber } from './subscriber.ts'
import type { Origin } from './subscriber.ts'
import type { Subscription } from './subscription.ts'
import { Waiters } from './waiters.ts'

/** Reasons for which a working log may refuse a batch. */
const ONE_BATCH_ONLY: ReadonlySet<LogErrorCode> = new Set(['topic-ended', 'busy'])

/** The result of publishing one event. */
export interface Published {
  /** Its cursor: a reader that sends it as `Last-Event-ID` receives everything after it. */
  readonly id: string
  readonly topic: string
  /** Its idempotency key was used before: nothing was published, and the id is that of the first event. */
  readonly duplicate: boolean
}

/** The engine: publish → log → route → lane → deliver. One for each log and process. */
export interface Hub {
  /**
   * Maximum size of an event and of a batch that `publish` accepts, in bytes of data, and maximum number of events in a
   * batch.
   */
  readonly limits: Pick<ResolvedHubOptions, 'maxEventBytes' | 'maxBatchBytes' | 'maxBatchEvents'>
  /** What it has done since it started. */
  readonly counters: Counters
  /** Why the log cannot be reached now. Undefined while it can. */
  readonly interruption: LogError | undefined

  /**
   * Publishes a batch: all of it, contiguous and in order, or nothing. Resolves when it is durable.
   *
   * @throws HubError or LogError with the reason; nothing of the batch was stored
   */
  publish(batch: readonly NewEvent[]): Promise<readonly Published[]>

  /**
   * Opens a stream. `open` is called when the place to start from is known, and creates the sink.
   *
   * - `open`: the stream is open.
   * - `ended`: every selected topic has ended, and the reader has received everything. `open` was not called.
   * - `gone`: `open` returned undefined, because the reader has left meanwhile.
   */
  subscribe(subscription: Subscription, open: () => Sink | undefined): Promise<'open' | 'ended' | 'gone'>

  /** Reads one page of history, or waits for its first event. */
  read(query: HistoryQuery, signal: AbortSignal): Promise<History>

  /**
   * The complete stream for a reader that cannot be served now: when to return, and why. An `EventSource` gives up
   * permanently after an answer that is not a stream.
   *
   * @param waitMs - the average time before the reader returns. @defaultValue `retryMs`, which is also the minimum
   */
  turnAway(dialect: Dialect, code: string, waitMs?: number): Uint8Array

  topics(query: TopicQuery): Promise<readonly TopicSummary[]>

  /**
   * Visits every open stream. A few are visited at a time, and others are served in between. Resolves when all were
   * visited.
   */
  survey(visit: (connection: Connection) => void): Promise<void>

  /**
   * Ends the streams for which a test holds, and informs their readers that their rights were withdrawn. A few are
   * tested at a time, and others are served in between. It does not prevent readers from returning. Resolves with the
   * number of streams ended.
   */
  revoke(isRevoked: (connection: Connection) => boolean): Promise<number>

  /** Removes every event of a topic. Resolves with false if the topic is unknown. */
  purge(topic: string): Promise<boolean>

  /**
   * Resolves if the log is writable and readable, as tested within the last second; otherwise rejects with the reason.
   * While the log is interrupted, that is the reason of the interruption.
   */
  ready(): Promise<void>

  /**
   * Ends the streams that are open, spread over at most this many milliseconds, so that their readers do not all return
   * at once. Each reader receives the reason, and when to return. Resolves when the streams have ended. New streams are
   * still accepted.
   */
  drain(overMs: number): Promise<void>

  /** Ends every stream; readers reconnect. The log stays open; its opener must close it. */
  close(): Promise<void>
}

/** A random time between 0.5 and 1.5 times this one, so that readers that were notified together do not act together. */
function jittered(ms: number): number {
  return ms * (0.5 + Math.random())
}

/** Starts a hub on a log. @throws LogError `unsupported` if the log cannot enforce the retention rules */
export async function createHub(log: EventLog, options?: HubOptions): Promise<Hub> {
  const settings = resolveHubOptions(options)
  assertEnforceable(settings.retention, log)
  const { epoch, newest } = await log.describe()
  const counters = new Counters()
  const queue = new ReadQueue(settings.maxQueuedReads, counters)
  const reads = new LogReads(log, queue, counters, (error) => {
    worked.observe(false)
    isSound.observe(false)
    outage.readFailed(error)
  })
  const worked = new Readiness(() => log.ready())
  const isSound = new Readiness(() => reads.assertSound())
  const lanes = new Lanes(reads, epoch, newest, settings, counters)
  const waiters = new Waiters()
  const rounds = new Rounds(() => lanes.members())
  const outage = new Outage({
    ...settings,
    retry: () => void rounds.once((member) => member.retry()),
    retryMs: () => jittered(settings.retryMs),
  })
  /** The largest offset that this node has appended. Its tail may be behind. */
  let appended = newest
  let failure: LogError | undefined
  let isClosed = false

  const view: LogView = {
    epoch,
    get head() {
      return lanes.head
    },
    get now() {
      return Math.max(lanes.head, appended)
    },
    read: (query, asker) => reads.read(query, asker),
    snapshot: (query, asker) => reads.snapshot(query, asker),
    describe: (asker) => reads.describe(asker),
    lastWords: turnAway,
  }

  const backlog = new Backlog({
    event(event) {
      lanes.push(event)
      waiters.wake(event)
    },
    turn: () => lanes.handOut(),
    purged: (topic) => lanes.purged(topic),
    overflow(events) {
      lanes.skip(events)
      waiters.wakeAll()
    },
  })

  const tail = await log.tail({
    events(events) {
      counters.commitEvents.observe(events.length)
      backlog.add(events)
    },
    purged: (topic) => backlog.purge(topic),
    interrupted: (reason) => outage.begin(reason),
    resumed: () => outage.end(),
    failed(error) {
      failure = error
      outage.report(error)
      closeStreams('log-unavailable')
    },
  })
  lanes.advance(tail.after)

  // At twice the rate, so that no stream is silent for longer than the heartbeat.
  if (settings.heartbeatMs > 0) rounds.every(settings.heartbeatMs / 2, (member) => member.heartbeat())
  rounds.every(settings.stallMs / 4, (member, now) => member.cutIfStalled(now))
  const retention = startRetention(log, settings.retention, settings.trimIntervalMs, (error) =>
    outage.report(error),
  )

  async function append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
    try {
      const stored = await log.append(batch)
      worked.observe(true)
      return stored
    } catch (error) {
      if (!LogError.is(error) || !ONE_BATCH_ONLY.has(error.code)) worked.observe(false)
      throw error
    }
  }

  function turnAway(dialect: Dialect, code: string, waitMs = 0): Uint8Array {
    const retryMs = jittered(Math.max(settings.retryMs, waitMs))
    const laterMs = code === 'log-unavailable' ? reads.retryMs(retryMs) : retryMs
    return Buffer.concat([dialect.retry(laterMs), dialect.error(code)])
  }

  function closeStreams(code?: 'log-unavailable'): void {
    isClosed = true
    rounds.stop()
    outage.stop()
    backlog.stop()
    lanes.stop()
    waiters.close()
    const lastWords = code === undefined ? undefined : (dialect: Dialect) => dialect.error(code)
    for (const member of lanes.members()) member.close(code ?? 'closed', lastWords)
  }

  function assertOpen(): void {
    if (!isClosed) return
    const reason = failure === undefined ? '.' : `: its log has failed. ${failure.message}`
    throw new HubError('closed', `The hub is closed${reason}`, { cause: failure })
  }

  async function originOf(
    { start = { at: 'tip' }, snapshot = false, gap = 'replay', reader }: Subscription,
    asker: Asker,
  ): Promise<Origin> {
    const { offset, miss } = await locate(view, start, asker)
    return {
      source: snapshot && start.at === 'tip' ? 'snapshot' : 'log',
      offset,
      fromStart: start.at === 'oldest',
      miss: start.at === 'cursor' && miss !== undefined ? { reason: miss, from: start.text } : undefined,
      gap,
      reader,
    }
  }

  return {
    limits: settings,
    counters,

    get interruption() {
      return outage.reason
    },

    async publish(batch) {
      assertOpen()
      checkBatch(batch, settings)
      if (log.topics === undefined && batch.some(({ end }) => end === true)) capabilityOf(log, 'topics')
      const began = performance.now()
      const stored = await append(batch)
      counters.commitSeconds.observe((performance.now() - began) / 1000)
      counters.publishes += 1
      return stored.map(({ offset, duplicate }, i) => {
        if (duplicate) counters.duplicates += 1
        appended = Math.max(appended, offset)
        return { id: formatCursor(epoch, offset), topic: batch[i]!.topic, duplicate }
      })
    },

    async subscribe(subscription, open) {
      assertOpen()
      const { selectors, dialect, start, conflateMs = 0 } = subscription
      if (subscription.snapshot === true || subscription.gap === 'snapshot') capabilityOf(log, 'snapshots')
      const asker = { client: clientOf(subscription.reader), isGone: false }
      return lanes.with(selectors, { dialect, conflateMs }, asker, async (lane) => {
        const origin = await originOf(subscription, asker)
        assertOpen()
        const hasCursor = start?.at === 'cursor' && origin.miss === undefined
        if (hasCursor && lane.end !== undefined && origin.offset >= lane.end.offset) return 'ended'
        const sink = open()
        if (sink === undefined) return 'gone'
        const subscriber = new Subscriber(lane, sink, origin, view)
        subscriber.say(new Payload(dialect.retry(jittered(settings.retryMs))))
        const agesOut =
          settings.maxStreamAgeMs === 0 ? Infinity : Date.now() + jittered(settings.maxStreamAgeMs)
        const expires = subscription.until ?? Infinity
        if (expires <= agesOut && expires !== Infinity) subscriber.endAt(expires, 'token-expired')
        else if (agesOut !== Infinity) subscriber.endAt(agesOut, 'max-age')
        subscriber.pump()
        return 'open'
      })
    },

    async read(query, signal) {
      assertOpen()
      return readHistory(view, query, waiters.wait, signal)
    },

    turnAway,

    topics: (query) => reads.topics(query),
    survey: (visit) => rounds.once((member) => visit(member.describe())),

    async revoke(isRevoked) {
      let ended = 0
      await rounds.once((member) => {
        if (!isRevoked(member.describe())) return
        member.close('revoked', (dialect) => dialect.error('revoked'))
        ended += 1
      })
      return ended
    },

    purge: async (topic) => capabilityOf(log, 'retention').purge(topic),

    async ready() {
      assertOpen()
      if (outage.reason !== undefined) throw outage.reason
      await worked.check()
      await isSound.check()
    },

    drain: (overMs) =>
      rounds.spread(overMs, (member) => member.close('draining', (dialect) => turnAway(dialect, 'draining'))),

    async close() {
      if (!isClosed) closeStreams()
      tail.stop()
      await retention.stop()
    },
  }
}
