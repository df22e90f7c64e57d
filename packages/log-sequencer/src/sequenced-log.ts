import { LogError } from '@tailrace/log'
import type { CompleteEventLog, Page, Query } from '@tailrace/log'
import { EngineConnection, mintEpoch, mintSecret, topicEnded } from '@tailrace/log/adapter'
import { Threads, type BatchResult } from '@tailrace/log/sqlite'
import { Feed, type FeedListener } from './feed.ts'
import type { Removed } from './index/remove.ts'
import type { IndexWriter } from './index/writer.ts'
import { assertOurs } from './identity.ts'
import { Life } from './life.ts'
import type { ConnectSequencer } from './sequencer.ts'
import { within } from './within.ts'
import { WriteQueue } from './write-queue.ts'

/** How long opening a log waits for its index to be built. After that, the log is open, and not ready. */
const OPENING_MS = 5_000
/** How long a call waits for the index to catch up with the engine. */
const BEHIND_MS = 5_000
/** How long closing waits for what was accepted. */
const CLOSING_MS = 10_000
/** How long the index is left alone after it could not apply a record, for example because the disk is full. */
const STUCK_MS = 5_000
/** How many records the index may lack before an operator is told. */
const WORTH_A_WORD = 10_000

export interface SequencedLogOptions {
  readonly connect: ConnectSequencer
  /**
   * The file of the index, which is created if necessary, with its folder. Each node has its own, on a local disk. It can
   * be deleted while no node uses it: it is built again from the records.
   */
  readonly index: string
  /**
   * Receives one sentence for each fact that an operator should know: that the index is being built, and that it is
   * complete; that the sequence has records which are not Tailrace's. @defaultValue nothing
   */
  readonly warn?: ((sentence: string) => void) | undefined
  /** The wall clock, in milliseconds. @defaultValue the time of each record by the sequencer */
  readonly now?: (() => number) | undefined
}

/**
 * A log on anything that can put records in one order. Every node derives the same index from the same records.
 *
 * Resolves also if the sequencer cannot be reached now.
 *
 * @throws LogError as `connect` does, and `locked`, `foreign`, `incompatible`, `read-only`, `full`, `corrupt`,
 * `replaced` or `cannot-open`, about the index or the records
 */
export async function openSequencedLog(options: SequencedLogOptions): Promise<CompleteEventLog> {
  const { index: path, warn = () => {}, now } = options
  const queue = new WriteQueue(now)
  let connection: EngineConnection<Life> | undefined
  /** The newest connection, whether or not it is complete. */
  let life: Life | undefined
  let epoch = ''
  let place = { position: 0, newest: 0 }
  let isOpening = true
  let isClosed = false
  let closing: Promise<void> | undefined
  /** The index is being built, or brought up to date for the first time. Nobody has a tail until then. */
  let building: Promise<Life> | undefined
  let hasBuilt = false
  let stuck: { reason: LogError; until: number } | undefined
  let hasForeign = false

  // Emitted JavaScript keeps this URL as it is written, so it must name the file that really exists.
  const body = import.meta.url.endsWith('.ts') ? './index/worker.ts' : './index/worker.js'
  const index = await Threads.start<IndexWriter>(new URL(body, import.meta.url), path, {
    died: (reason) => life?.lose(reason),
    async revived() {},
    complete() {},
  })

  /** One life of the connection, until the end of the handshake. */
  async function establish(signal: AbortSignal): Promise<Life> {
    if (stuck !== undefined && performance.now() < stuck.until) throw stuck.reason
    const standing = await index.writer.call('standing')
    const sequencer = await options.connect(signal)
    try {
      const description = await sequencer.describe()
      assertOurs(path, standing, description, hasBuilt)
      if (standing.identity !== description.identity) await index.writer.call('adopt', description.identity)
      if (!hasBuilt) place = { position: standing.position, newest: standing.newest }
      const feed = new Feed(index, queue, listener, place)
      const next = new Life(sequencer, description, feed)
      void next.lost.then((reason) => end(next, reason))
      life = next
      return next
    } catch (error) {
      await sequencer.close()
      throw error
    }
  }

  function end({ feed }: Life, reason: LogError): void {
    place = { position: feed.position, newest: feed.newest }
    feed.stop(reason)
    queue.disconnect(reason)
    if (reason.code === 'replaced') connection?.fail(reason)
  }

  const listener: FeedListener = {
    events: (stored) => connection?.tails.events(stored),
    purged: (topic, through) => connection?.tails.purged(topic, through),
    foreign,
    failed,
  }

  function foreign(position: number): void {
    if (hasForeign) return
    hasForeign = true
    warn(
      `The record at position ${position} was not written by Tailrace: it is skipped, as are all others. ` +
        'Find out who writes to the log, and take the permission away.',
    )
  }

  function failed(reason: LogError): void {
    stuck = { reason, until: performance.now() + STUCK_MS }
    life?.lose(reason)
  }

  /** Brings the index up to date, and begins the log if nobody has. */
  async function build(signal: AbortSignal): Promise<Life> {
    const next = await establish(signal)
    try {
      const { newest } = next.description
      const missing = newest - next.feed.position
      if (missing > WORTH_A_WORD)
        warn(`The index ${path} is being built from ${missing} records: the log is not ready until then.`)
      const began = performance.now()
      next.consume()
      await Promise.race([next.feed.reach(newest), aborted(signal)])
      if (missing > WORTH_A_WORD)
        warn(`The index ${path} is complete, after ${Math.round(performance.now() - began)} ms.`)
      epoch = await begun(next)
      hasBuilt = true
      return next
    } catch (error) {
      await next.close()
      throw error
    }
  }

  /** @returns the epoch of the log @throws LogError `foreign` if the sequence has only records of others */
  async function begun({ sequencer, description, feed }: Life): Promise<string> {
    const known = await index.writer.call('standing')
    if (known.epoch !== '') return known.epoch
    if (known.foreign > 0) {
      const { foreign: records } = known
      throw new LogError(
        'foreign',
        `The engine holds ${records} records under this name, none of which Tailrace wrote: choose another name for the log.`,
        { details: { records } },
      )
    }
    const minted = mintEpoch()
    queue.connect({ ...description, append: (bytes) => sequencer.append(bytes) }, minted)
    const genesis = { kind: 'genesis', epoch: minted, secret: mintSecret(), after: feed.position } as const
    const result = await queue.write(genesis).catch((error: LogError) => error)
    const { epoch: first } = await index.writer.call('standing')
    if (first === '') throw result
    return first
  }

  function progress(): LogError {
    const [position, newest] = [life?.feed.position ?? 0, life?.description.newest ?? 0]
    return new LogError(
      'unreachable',
      `The index ${path} is being built: it has reached position ${position} of ${newest}.`,
      { details: { position, newest } },
    )
  }

  async function connect(signal: AbortSignal): Promise<Life> {
    if (hasBuilt) return establish(signal)
    building ??= build(signal).finally(() => {
      building = undefined
    })
    return isOpening ? ((await within(OPENING_MS, building, progress)) as Life) : building
  }

  function connected(next: Life): void {
    queue.connect({ ...next.description, append: (bytes) => next.sequencer.append(bytes) }, epoch)
    next.consume()
  }

  try {
    connection = await EngineConnection.open<Life>({ connect, connected })
    isOpening = false
  } catch (error) {
    await index.close()
    throw error
  }
  const { tails } = connection

  function assertOpen(): void {
    if (isClosed) throw new LogError('closed', 'The log is closed.')
  }

  function session(): Life {
    assertOpen()
    if (building !== undefined && life !== undefined) throw progress()
    return connection!.session
  }

  async function ask(): Promise<void> {
    const { sequencer, feed } = session()
    const { newest } = await sequencer.describe()
    await within(BEHIND_MS, feed.reach(newest), () => behind(feed.position, newest))
  }

  let asking: Promise<void> = Promise.resolve()
  let nextAsking: Promise<void> | undefined

  /** Resolves once the index covers everything that any node has appended. Calls that wait share one answer. */
  function current(): Promise<void> {
    nextAsking ??= asking.then(() => {
      asking = nextAsking!.catch(() => undefined)
      nextAsking = undefined
      return ask()
    })
    return nextAsking
  }

  /** Calls again while a page needs more than one slice of work: other reads are served in between. */
  async function pageOf(kind: 'read' | 'snapshot', query: Query): Promise<Page> {
    session()
    for (;;) {
      const page = await index.reader.call(kind, query)
      if (page !== undefined) return page
    }
  }

  function reader(): Threads<IndexWriter>['reader'] {
    session()
    return index.reader
  }

  return {
    async append(batch) {
      session()
      const result = (await queue.write({ kind: 'batch', events: batch })) as BatchResult
      if ('refused' in result) throw topicEnded(result.refused)
      return result.appended
    },

    read: (query) => pageOf('read', query),

    async tail(listener) {
      const { feed } = session()
      return { after: feed.newest, stop: tails.add(listener) }
    },

    async describe() {
      session()
      await current()
      return reader().call('describe')
    },

    async ready() {
      session()
      await current()
    },

    close() {
      closing ??= (async () => {
        isClosed = true
        await within(CLOSING_MS, queue.drain(), () => undefined)
        await connection.close()
        await building?.catch(() => undefined)
        await life?.close()
        await index.close()
      })()
      return closing
    },

    snapshots: { read: (query) => pageOf('snapshot', query) },

    topics: {
      list: async (query) => reader().call('topics', query),
      ended: async (topics) => reader().call('ended', topics),
    },

    retention: {
      async trim(rules, at) {
        session()
        const { removal, done } = await index.writer.call('plan', rules, at)
        if (removal === undefined) return { removed: 0, done }
        const { removed, hasMore } = (await queue.write({ kind: 'removal', removal })) as Removed
        return { removed, done: done && !hasMore }
      },

      async purge(topic) {
        session()
        const result = (await queue.write({ kind: 'purge', topic })) as { purgedThrough: number | undefined }
        return result.purgedThrough !== undefined
      },
    },

    shared: {
      secret: async () => reader().call('secret'),
      async note(note) {
        session()
        return ((await queue.write({ kind: 'note', note })) as { isFirst: boolean }).isFirst
      },
      async notes(query) {
        session()
        await current()
        return reader().call('notes', query, (now ?? Date.now)())
      },
    },
  } satisfies CompleteEventLog
}

function behind(position: number, newest: number): LogError {
  return new LogError(
    'unreachable',
    `The index of this node is behind: it has reached position ${position} of ${newest}.`,
    { details: { position, newest } },
  )
}

/** Rejects when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new LogError('closed', 'The log is closed.')), {
      once: true,
    })
  })
}
