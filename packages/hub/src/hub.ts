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
import { Payload } from './payload.ts'
import { ReadQueue } from './read-queue.ts'
import type { Asker } from './read-queue.ts'
import { Readiness } from './readiness.ts'
import { assertEnforceable, startRetention } from './retain.ts'
import { Rounds } from './rounds.ts'
import type { Sink } from './sink.ts'
import { Subscriber } from './subscriber.ts'
import type { Origin } from './subscriber.ts'
import type { Subscription } from './subscription.ts'
import { Waiters } from './waiters.ts'

/** Why a batch may be refused by a log that works. */
const ONE_BATCH_ONLY: ReadonlySet<LogErrorCode> = new Set(['topic-ended', 'busy'])

/** What became of a published event. */
export interface Published {
  /** Its cursor: a reader that names it in `Last-Event-ID` gets what follows. */
  readonly id: string
  readonly topic: string
  /** Its idempotency key was seen before: nothing was published, and the id is the first event's. */
  readonly duplicate: boolean
}

/** The engine: publish → log → route → lane → deliver. One for each log and process. */
export interface Hub {
  /** The largest event and batch that `publish` takes, in bytes of data, and the most events of a batch. */
  readonly limits: Pick<ResolvedHubOptions, 'maxEventBytes' | 'maxBatchBytes' | 'maxBatchEvents'>
  /** What it has done since it started. */
  readonly counters: Counters
  /** Why the log cannot be reached now; nothing while it can. */
  readonly interruption: LogError | undefined

  /**
   * Publishes a batch: all of it, contiguous and in order, or nothing. Resolves when it is durable.
   *
   * @throws HubError or LogError with the reason; nothing of the batch was stored
   */
  publish(batch: readonly NewEvent[]): Promise<readonly Published[]>

  /**
   * Opens a stream. `open` is called when the place to start from is known, and makes the sink.
   *
   * - `open`: the stream is open.
   * - `ended`: every selected topic has ended and the reader has seen all of it. `open` was not called.
   * - `gone`: `open` returned nothing, since the reader has left meanwhile.
   */
  subscribe(subscription: Subscription, open: () => Sink | undefined): Promise<'open' | 'ended' | 'gone'>

  /** Reads one page of history, or waits for its first event. */
  read(query: HistoryQuery, signal: AbortSignal): Promise<History>

  /**
   * What a reader is sent, as a whole stream, when it cannot be served now: when to come back, and why. An
   * `EventSource` gives up for good after an answer that is no stream.
   *
   * @param waitMs - how long to stay away on average. @defaultValue `retryMs`, which is also the least
   */
  turnAway(dialect: Dialect, code: string, waitMs?: number): Uint8Array

  topics(query: TopicQuery): Promise<readonly TopicSummary[]>

  /** Shows every open stream as it is. Resolves when all were seen: some at a time, so that others are served between. */
  survey(visit: (connection: Connection) => void): Promise<void>

  /**
   * Ends the streams for which a test holds, and tells their readers that their rights were withdrawn. Tests some at a
   * time, so that others are served between. Keeps nobody from coming back. Resolves with the number of streams ended.
   */
  revoke(isRevoked: (connection: Connection) => boolean): Promise<number>

  /** Removes every event of a topic. Resolves with false when it is not known. */
  purge(topic: string): Promise<boolean>

  /**
   * Resolves when the log can be written and read, as it was found out within the last second; rejects with the
   * reason when it cannot. While the log is interrupted, that is the reason of the interruption.
   */
  ready(): Promise<void>

  /**
   * Ends the streams that are open, spread over at most some milliseconds, so that their readers do not all come back
   * at once; each is told why, and when to come back. Resolves when they have ended. New ones are not kept out.
   */
  drain(overMs: number): Promise<void>

  /** Ends every stream; readers reconnect. The log stays open: it is its opener's to close. */
  close(): Promise<void>
}

function isUnreachable(error: unknown): boolean {
  return LogError.is(error) && error.code === 'unreachable'
}

/** Between half of it and one and a half, so that readers that were told together do not act together. */
function jittered(ms: number): number {
  return ms * (0.5 + Math.random())
}

/** Starts a hub on a log. @throws LogError `unsupported` when the log cannot enforce the rules of retention */
export async function createHub(log: EventLog, options?: HubOptions): Promise<Hub> {
  const settings = resolveHubOptions(options)
  assertEnforceable(settings.retention, log)
  const { epoch, newest } = await log.describe()
  const counters = new Counters()
  const queue = new ReadQueue(settings.maxQueuedReads, counters)
  const reads = new LogReads(log, queue, counters, (error) => {
    worked.observe(false)
    isSound.observe(false)
    if (isUnreachable(error) && interruption === undefined) {
      // Reported once for all streams that wait for the same retry.
      if (retryTimer !== undefined) return
      retryLater(jittered(settings.retryMs))
    }
    report(error)
  })
  const worked = new Readiness(() => log.ready())
  const isSound = new Readiness(() => reads.assertSound())
  const lanes = new Lanes(reads, epoch, newest, settings, counters)
  const waiters = new Waiters()
  const rounds = new Rounds(() => lanes.members())
  /** The largest offset that this node has appended: its tail may be behind. */
  let appended = newest
  let interruption: LogError | undefined
  let failure: LogError | undefined
  let retryTimer: NodeJS.Timeout | undefined
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
    interrupted(reason) {
      interruption = reason
      settings.onInterruption(reason)
    },
    resumed() {
      interruption = undefined
      settings.onInterruption(undefined)
      clearTimeout(retryTimer)
      retryTimer = undefined
      retryLater(0)
    },
    failed(error) {
      failure = error
      report(error)
      closeStreams('log-unavailable')
    },
  })
  lanes.advance(tail.after)

  // Twice as often as is due, so that no stream is silent for longer than that.
  if (settings.heartbeatMs > 0) rounds.every(settings.heartbeatMs / 2, (member) => member.heartbeat())
  rounds.every(settings.stallMs / 4, (member, now) => member.cutIfStalled(now))
  const retention = startRetention(log, settings.retention, settings.trimIntervalMs, report)

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

  /** Passes a failure on, unless it follows from an interruption, which was reported when it began. */
  function report(error: unknown): void {
    const isKnown = interruption !== undefined && isUnreachable(error)
    if (!isClosed && !isKnown) settings.onError(error)
  }

  /** Has the streams that could not read try again. */
  function retryLater(ms: number): void {
    if (isClosed) return
    retryTimer ??= setTimeout(() => {
      retryTimer = undefined
      void rounds.once((member) => member.retry())
    }, ms)
  }

  function turnAway(dialect: Dialect, code: string, waitMs = 0): Uint8Array {
    const retryMs = jittered(Math.max(settings.retryMs, waitMs))
    const laterMs = code === 'log-unavailable' ? reads.retryMs(retryMs) : retryMs
    return Buffer.concat([dialect.retry(laterMs), dialect.error(code)])
  }

  function closeStreams(code?: 'log-unavailable'): void {
    isClosed = true
    rounds.stop()
    clearTimeout(retryTimer)
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
      return interruption
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
      if (interruption !== undefined) throw interruption
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
