import { LogError } from '@tailrace/log'
import type { CompleteEventLog, Query } from '@tailrace/log'
import { EngineConnection, within } from '@tailrace/log/adapter'

import { IpcSession } from './node/session.ts'
import { Tail } from './node/tail.ts'
import type { Arguments, Method, Result } from './protocol/methods.ts'
import { assertPathFits } from './protocol/socket-path.ts'

const SCHEME = 'ipc:'
/** Maximum size of a page, whatever is asked for: an owner serves many nodes. */
const MAX_PAGE_BYTES = 2 ** 20
/** The longest pause between attempts to connect: one to a socket of this machine costs a fraction of a millisecond. */
const MAX_PAUSE_MS = 50
/** How long closing waits for what was accepted. */
const CLOSING_MS = 10_000

export interface IpcLogOptions {
  /** `ipc:` and the path of the socket, such as `ipc:/run/tailrace/log`. */
  readonly url: string
}

/**
 * Opens a log that another process of this machine owns, and serves with `serveLog`. It has every capability of that log.
 *
 * Resolves also if the owner is not running now: it is tried again in the background, without end.
 *
 * @throws RangeError if the URL is not valid
 * @throws LogError `incompatible` if the owner has another version, `unauthorized` if the user may not open the socket,
 * `foreign` if something else listens there
 */
export async function openIpcLog({ url }: IpcLogOptions): Promise<CompleteEventLog> {
  if (!url.startsWith(SCHEME))
    throw new RangeError(`${url} is not the URL of a log of another process: ipc:SOCKET.`)
  const path = url.slice(SCHEME.length)
  assertPathFits(path)
  /** Of the log that was opened. Undefined before the first connection. */
  let epoch: string | undefined
  /** The largest offset of which this node knows that the log has given it. */
  let seen = 0
  let isClosed = false
  let closing: Promise<void> | undefined
  /** What was accepted, and is not complete yet. */
  const accepted = new Set<Promise<unknown>>()

  const tail = new Tail(() => connection)
  const connection = await EngineConnection.open<IpcSession>({
    maxPauseMs: MAX_PAUSE_MS,
    async connect(signal) {
      const session = await IpcSession.open(path, tail.known, signal)
      const { welcome } = session
      epoch ??= welcome.epoch
      if (welcome.epoch === epoch && welcome.newest >= Math.max(seen, tail.known?.offset ?? 0)) return session
      await session.close()
      throw new LogError(
        'replaced',
        `The log at ${path} was replaced by another one, or an earlier state of it.`,
      )
    },
    connected(session) {
      see(session.welcome.newest)
      tail.follow(session)
    },
  })

  function see(offset: number): void {
    seen = Math.max(seen, offset)
  }

  /** Runs a call of an open log, which `close` waits for. */
  async function accept<T>(task: (session: IpcSession) => Promise<T>): Promise<T> {
    if (isClosed) throw new LogError('closed', 'The log is closed.')
    const running = task(connection.session)
    accepted.add(running)
    try {
      return await running
    } finally {
      accepted.delete(running)
    }
  }

  function call<M extends Method>(method: M, ...args: Arguments<M>): Promise<Result<M>> {
    return accept(({ calls }) => calls.call(method, args))
  }

  const bounded = (query: Query): Query => ({ ...query, maxBytes: Math.min(query.maxBytes, MAX_PAGE_BYTES) })

  return {
    append: (batch) =>
      accept(async ({ appends }) => {
        const appended = await appends.append(batch)
        for (const { offset } of appended) see(offset)
        return appended
      }),

    read: (query) => call('read', bounded(query)),

    tail: (listener) =>
      accept(async (session) => {
        const after = await tail.reach(seen, session)
        return { after, stop: connection.tails.add(listener) }
      }),

    async describe() {
      const description = await call('describe')
      see(description.newest)
      return description
    },

    ready: () => call('ready'),

    close() {
      closing ??= (async () => {
        isClosed = true
        await within(CLOSING_MS, Promise.allSettled(accepted), () => undefined)
        await connection.close()
      })()
      return closing
    },

    snapshots: { read: (query) => call('snapshot', bounded(query)) },

    topics: {
      list: (query) => call('list', query),
      ended: (topics) => call('ended', topics),
    },

    retention: {
      trim: (rules, now) => call('trim', rules, now),
      purge: (topic) => call('purge', topic),
    },

    shared: {
      secret: () => call('secret'),
      note: (note) => call('note', note),
      notes: (query) => call('notes', query),
    },
  } satisfies CompleteEventLog
}
