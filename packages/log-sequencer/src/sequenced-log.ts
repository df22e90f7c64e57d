import { LogError } from '@tailrace/log'
import type { CompleteEventLog, Page, Query } from '@tailrace/log'
import { topicEnded, within } from '@tailrace/log/adapter'
import type { BatchResult } from '@tailrace/log/sqlite'
import { Caretaker } from './caretaker.ts'
import { IndexedSequence } from './indexed-sequence.ts'
import type { ConnectSequencer } from './sequencer.ts'
import { WriteQueue } from './write-queue.ts'

/** How long a call waits for the index to catch up with the engine. */
const BEHIND_MS = 5_000
/** How long closing waits for what was accepted. */
const CLOSING_MS = 10_000

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
 * Resolves also if the sequencer cannot be reached now, or if building the index takes long.
 *
 * @throws LogError as `connect` does, and `locked`, `foreign`, `incompatible`, `read-only`, `full`, `corrupt`,
 * `replaced` or `cannot-open`, about the index or the records
 */
export async function openSequencedLog(options: SequencedLogOptions): Promise<CompleteEventLog> {
  const { connect, index: path, warn = () => {}, now } = options
  const queue = new WriteQueue(now)
  const caretaker = new Caretaker(queue)
  const sequence = await IndexedSequence.open({
    connect,
    path,
    queue,
    warn,
    tended: (node) => caretaker.saw(node),
  })
  const { index } = sequence
  let isClosed = false
  let closing: Promise<void> | undefined
  let asking: Promise<void> = Promise.resolve()
  let nextAsking: Promise<void> | undefined

  function life(): IndexedSequence['life'] {
    if (isClosed) throw new LogError('closed', 'The log is closed.')
    return sequence.life
  }

  function reader(): typeof index.reader {
    life()
    return index.reader
  }

  /** Calls again while a page needs more than one slice of work: other reads are served in between. */
  async function pageOf(kind: 'read' | 'snapshot', query: Query): Promise<Page> {
    life()
    for (;;) {
      const page = await index.reader.call(kind, query)
      if (page !== undefined) return page
    }
  }

  async function ask(): Promise<void> {
    const { sequencer, feed } = life()
    const { newest } = await sequencer.describe()
    await within(BEHIND_MS, feed.reach(newest), () => behind(feed.place.position, newest))
  }

  /** Resolves once the index covers everything that any node has appended. The calls that wait share one answer. */
  async function current(): Promise<void> {
    life()
    nextAsking ??= asking.then(() => {
      asking = nextAsking!.catch(() => undefined)
      nextAsking = undefined
      return ask()
    })
    await nextAsking
  }

  return {
    async append(batch) {
      life()
      const result = (await queue.write({ kind: 'batch', events: batch })) as BatchResult
      if ('refused' in result) throw topicEnded(result.refused)
      return result.appended
    },

    read: (query) => pageOf('read', query),

    async describe() {
      await current()
      return reader().call('describe')
    },

    async tail(listener) {
      const { newest } = life().feed.place
      return { after: newest, stop: sequence.tails.add(listener) }
    },

    ready: current,

    close() {
      closing ??= (async () => {
        isClosed = true
        await within(CLOSING_MS, queue.drain(), () => undefined)
        await sequence.close()
      })()
      return closing
    },

    snapshots: { read: (query) => pageOf('snapshot', query) },

    topics: {
      list: async (query) => reader().call('topics', query),
      ended: async (topics) => reader().call('ended', topics),
    },

    retention: {
      trim: async (rules, at) => caretaker.step(life(), index, rules, at),
      async purge(topic) {
        life()
        const result = await queue.write({ kind: 'purge', topic })
        return (result as { purgedThrough: number | undefined }).purgedThrough !== undefined
      },
    },

    shared: {
      secret: async () => reader().call('secret'),
      async note(note) {
        life()
        return ((await queue.write({ kind: 'note', note })) as { isFirst: boolean }).isFirst
      },
      async notes(query) {
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
