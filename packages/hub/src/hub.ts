import { capabilityOf, formatCursor, LogError } from '@tailrace/log'
import type { Appended, EventLog, LogErrorCode, NewEvent, TopicQuery, TopicSummary } from '@tailrace/log'
import type { Connection } from './connection.ts'
import { stateOf } from './app-snapshot.ts'
import { checkBatch } from './check-batch.ts'
import { assertEvent, toNewEvent } from './topic-event.ts'
import type { TopicEvent } from './topic-event.ts'
import { Counters } from './counters.ts'
import type { Dialect } from './dialect.ts'
import { HubError } from './errors.ts'
import { followEvents } from './follow.ts'
import type { FollowedEvent, FollowOptions } from './follow.ts'
import { Follower } from './follower.ts'
import { clientOf } from './connection.ts'
import { readHistory } from './history.ts'
import type { History, HistoryQuery } from './history.ts'
import { locate } from './locate.ts'
import { LogReads } from './log-reads.ts'
import type { LogView } from './log-view.ts'
import type { ResolvedHubOptions } from './options.ts'
import { Outage } from './outage.ts'
import { Payload } from './payload.ts'
import { ReadQueue } from './read-queue.ts'
import type { Asker } from './read-queue.ts'
import { Readiness } from './readiness.ts'
import { ReportRate } from './report-rate.ts'
import { assertEnforceable } from './retention.ts'
import { Rounds } from './rounds.ts'
import type { Sink } from './sink.ts'
import { Subscriber } from './subscriber.ts'
import type { Origin } from './subscriber.ts'
import type { Subscription } from './subscription.ts'
import type { StreamTerms } from './streams/terms.ts'
import type { FoundStream, StreamOptions, StreamWriter } from './streams/stream-writer.ts'

/** Reasons for which a working log may refuse a batch. */
const ONE_BATCH_ONLY: ReadonlySet<LogErrorCode> = new Set(['topic-ended', 'busy', 'too-large'])

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
  /** Its name among the hubs that share its log. */
  readonly node: string
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
   * Publishes an event. Resolves when it is durable.
   *
   * @throws HubError or LogError with the reason; nothing was stored
   */
  publish(topic: string, event: TopicEvent): Promise<Published>
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
   * The events of topics, for this process itself: in order, each once, one page at a time, as fast as they are asked
   * for. They wait while the log is interrupted. They end when every topic has ended (those of a pattern never have), or
   * when the signal is aborted. Each iteration begins at the same place.
   *
   * The iteration throws HubError `cursor-gone` if events are lost, `closed` if the hub is closed, and LogError if the log
   * is damaged.
   *
   * @throws LogError `invalid-selector`; RangeError without selectors
   */
  follow(selectors: readonly string[], options?: FollowOptions): AsyncIterable<FollowedEvent>

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

  /**
   * Opens a one-off stream: a topic of its own, with one producer, that ends. The answer of a language model, or the
   * progress of a job, for example. It is opened in the background, and can be written to at once.
   *
   * @throws HubError `invalid-topic` or `closed`, or LogError if the log cannot be reached yet; everything else is
   *   reported by the writer. RangeError if an option is out of its bounds
   */
  stream(topic: string, options?: StreamOptions): StreamWriter

  /** Finds a stream, on whichever hub it is produced. Undefined if the topic is not one, or was purged. */
  findStream(topic: string): Promise<FoundStream | undefined>

  /**
   * Ends a stream with `tailrace.failed` (`cancelled`), on whichever hub it is produced; its producer's signal is aborted
   * as soon as that hub sees it. Resolves, when that is durable, with true, or with false if the stream was over.
   *
   * @throws HubError `unknown-stream`, or LogError
   */
  cancelStream(topic: string): Promise<boolean>

  /**
   * Passes a failure to `onError` that whoever serves the hub has only told its client, such as a log that cannot be
   * written: each code at most once in 30 seconds, and not while the log is interrupted, which was reported when it began.
   */
  report(error: unknown): void

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

  /** Ends every stream; readers reconnect. Closes the log if it was opened from its URL. */
  close(): Promise<void>
}

/** A random time between 0.5 and 1.5 times this one, so that readers that were notified together do not act together. */
function jittered(ms: number): number {
  return ms * (0.5 + Math.random())
}

/**
 * Starts a hub on an open log.
 *
 * @param release called when the hub is closed
 */
export async function runHub(
  log: EventLog,
  settings: ResolvedHubOptions,
  streamTerms: StreamTerms,
  release: () => Promise<void>,
): Promise<Hub> {
  assertEnforceable(settings.retention, log)
  const counters = new Counters()
  const rate = new ReportRate()
  const queue = new ReadQueue(settings.maxQueuedReads, counters)
  const reads = new LogReads(log, queue, counters, (error) => {
    worked.observe(false)
    isSound.observe(false)
    outage.readFailed(error)
  })
  const worked = new Readiness(() => log.ready())
  const isSound = new Readiness(() => reads.assertSound())
  const rounds = new Rounds(() => follower.current?.lanes.members() ?? [])
  const outage = new Outage({
    ...settings,
    probe: () => log.ready(),
    retry: () => void rounds.once((member) => member.retry()),
    retryMs: () => jittered(settings.retryMs),
  })
  const facts = { log, reads, settings, counters, outage, streamTerms }
  const follower = new Follower({ ...facts, lastWords: turnAway, append })
  await follower.start()

  // At twice the rate, so that no stream is silent for longer than the heartbeat.
  if (settings.heartbeatMs > 0) rounds.every(settings.heartbeatMs / 2, (member) => member.heartbeat())
  rounds.every(settings.stallMs / 4, (member, now) => member.cutIfStalled(now))

  // Promises rather than an async function, and one step for everything: each publish pays for this.
  function append(
    batch: readonly NewEvent[],
    appended: (stored: readonly Appended[]) => void,
  ): Promise<readonly Appended[]> {
    if (log.topics === undefined && batch.some(({ end }) => end === true)) capabilityOf(log, 'topics')
    const began = performance.now()
    return log.append(batch).then(
      (stored) => {
        worked.observe(true)
        counters.commitSeconds.observe((performance.now() - began) / 1000)
        counters.publishes += 1
        for (const { duplicate } of stored) if (duplicate) counters.duplicates += 1
        appended(stored)
        return stored
      },
      (error: unknown) => {
        if (!LogError.is(error) || !ONE_BATCH_ONLY.has(error.code)) worked.observe(false)
        throw error
      },
    )
  }

  async function publish(batch: readonly NewEvent[]): Promise<readonly Published[]> {
    const following = follower.require()
    checkBatch(batch, settings)
    const stored = await following.append(batch)
    const { epoch } = following.view
    return stored.map(({ offset, duplicate }, i) => ({
      id: formatCursor(epoch, offset),
      topic: batch[i]!.topic,
      duplicate,
    }))
  }

  async function publishOne(topic: string, event: TopicEvent | undefined): Promise<Published> {
    assertEvent(event)
    const [published] = await publish([toNewEvent(topic, event!)])
    return published!
  }

  function turnAway(dialect: Dialect, code: string, waitMs = 0): Uint8Array {
    const retryMs = jittered(Math.max(settings.retryMs, waitMs))
    const laterMs = code === 'log-unavailable' ? reads.retryMs(retryMs) : retryMs
    return Buffer.concat([dialect.retry(laterMs), dialect.error(code)])
  }

  async function originOf(
    view: LogView,
    { selectors, start = { at: 'tip' }, snapshot = false, gap = 'replay', reader }: Subscription,
    asker: Asker,
  ): Promise<Origin> {
    const { offset, miss } = await locate(view, start, asker)
    return {
      source: snapshot !== false && start.at === 'tip' ? 'snapshot' : 'log',
      state: typeof snapshot === 'function' ? stateOf(snapshot, selectors, settings) : undefined,
      offset,
      fromStart: start.at === 'oldest',
      miss: start.at === 'cursor' && miss !== undefined ? { reason: miss, from: start.text } : undefined,
      gap,
      reader,
    }
  }

  return {
    node: settings.node,
    limits: settings,
    counters,

    get interruption() {
      return outage.reason
    },

    publish: ((topicOrBatch: string | readonly NewEvent[], event?: TopicEvent) =>
      typeof topicOrBatch === 'object'
        ? publish(topicOrBatch)
        : publishOne(topicOrBatch, event)) as Hub['publish'],

    async subscribe(subscription, open) {
      const following = follower.require()
      const { view, lanes } = following
      const { selectors, dialect, coding, start, conflateMs = 0 } = subscription
      const isOfLog = typeof subscription.snapshot !== 'function'
      if (isOfLog && (subscription.snapshot === true || subscription.gap === 'snapshot'))
        capabilityOf(log, 'snapshots')
      const asker = { client: clientOf(subscription.reader), isGone: false }
      return lanes.with(selectors, { dialect, conflateMs }, asker, async (lane) => {
        const origin = await originOf(view, subscription, asker)
        if (follower.require() !== following) throw new HubError('closed', 'The log was replaced meanwhile.')
        const hasCursor = start?.at === 'cursor' && origin.miss === undefined
        if (hasCursor && (await lane.isOverAt(origin.offset, view, asker))) return 'ended'
        const sink = open()
        if (sink === undefined) return 'gone'
        const encoded = coding === undefined ? sink : lane.encode(sink, coding)
        const subscriber = new Subscriber(lane, encoded, origin, view)
        subscriber.say(new Payload(dialect.retry(jittered(settings.retryMs))))
        const agesOut =
          settings.maxStreamAgeMs === 0 ? Infinity : Date.now() + jittered(settings.maxStreamAgeMs)
        const expires = subscription.until ?? Infinity
        if (expires <= agesOut && expires !== Infinity) subscriber.endAt(expires, 'token-expired')
        else if (agesOut !== Infinity) subscriber.endAt(agesOut, 'max-age')
        if (subscription.signal !== undefined) subscriber.endOn(subscription.signal)
        subscriber.pump()
        return 'open'
      })
    },

    async read(query, signal) {
      const { view, waiters } = follower.require()
      return readHistory(view, query, waiters.wait, signal)
    },

    follow: (selectors, how) => followEvents({ reads, follower, outage }, selectors, how),

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

    stream: (topic, how) => follower.require().streams.open(topic, how),
    findStream: async (topic) => follower.require().streams.find(topic),
    cancelStream: async (topic) => follower.require().streams.cancel(topic),

    report(error) {
      const { code } = Object(error) as { readonly code?: string }
      if (code === undefined || rate.take(code)) outage.report(error)
    },

    purge: async (topic) => capabilityOf(log, 'retention').purge(topic),

    async ready() {
      follower.require()
      if (outage.reason !== undefined) throw outage.reason
      await worked.check()
      await isSound.check()
    },

    drain: (overMs) =>
      rounds.spread(overMs, (member) => member.close('draining', (dialect) => turnAway(dialect, 'draining'))),

    async close() {
      rounds.stop()
      outage.stop()
      await follower.close()
      await release()
    },
  }
}
