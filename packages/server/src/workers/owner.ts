import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { isPassing, openLog } from '@tailrace/log'
import type { CompleteEventLog, TailListener } from '@tailrace/log'
import { keepTrying } from '@tailrace/log/adapter'
import { serveLog } from '@tailrace/log-ipc'
import type { LogServer } from '@tailrace/log-ipc'
import { Registry } from 'prom-client'
import { passwordOf } from '../cli/log-password.ts'
import type { ServeValues } from '../cli/serve-settings.ts'
import { usageErrorOf } from '../cli/usage-error.ts'
import type { Journal } from '../observe/journal.ts'
import { addProcessMetrics, snapshotOf } from '../observe/snapshot.ts'
import type { Order, SupervisorCalls } from './calls.ts'
import type { Work } from './child.ts'
import type { Link } from './link.ts'
import { relayedJournal } from './relayed-journal.ts'

/** The longest pause between two attempts to serve a log whose engine cannot be reached. */
const MAX_PAUSE_MS = 1_000

/** Opens a log that only one process can have open, and serves it to the workers. */
export async function own(
  { values, path }: Extract<Order, { role: 'owner' }>,
  link: Link<SupervisorCalls>,
): Promise<Work> {
  // With the supervisor, whoever would remove it is gone.
  process.prependListener('disconnect', () => rmSync(dirname(path), { recursive: true, force: true }))
  const journal = relayedJournal(link)
  const log = await open(values, journal)
  const stopping = new AbortController()
  let server: LogServer | undefined

  /** The next owner opens the log that is there then. */
  async function giveUp(error: unknown): Promise<void> {
    journal.failed(error)
    await link.flush()
    process.exit(1)
  }

  async function serve(): Promise<void> {
    await log.tail({ ...NOTHING, failed: (error) => void giveUp(error) })
    server = await serveLog(log, path)
  }

  try {
    await serve()
  } catch (error) {
    if (!isPassing(error)) throw error
    // A hub starts while its engine cannot be reached.
    journal.warn(`the log cannot be reached: ${(error as Error).message}`)
    const failed = (again: unknown): void => {
      if (!isPassing(again)) void giveUp(again)
    }
    void keepTrying(serve, { maxPauseMs: MAX_PAUSE_MS, signal: stopping.signal, failed })
  }
  const registry = new Registry()
  addProcessMetrics(registry)
  return {
    port: 0,
    metrics: () => snapshotOf(registry),
    drain: async () => undefined,
    async stop() {
      stopping.abort()
      await server?.close()
      await log.close()
    },
  }
}

async function open(values: ServeValues, { warn }: Journal): Promise<CompleteEventLog> {
  const options = { password: passwordOf(values), requireDurable: values['require-durable'], warn }
  try {
    // All logs that have a URL are complete.
    return (await openLog(values.log, options)) as CompleteEventLog
  } catch (error) {
    throw error instanceof RangeError ? usageErrorOf(error) : error
  }
}

/** Only the end of a tail matters here. */
const NOTHING: TailListener = {
  events: () => undefined,
  purged: () => undefined,
  lost: () => undefined,
  interrupted: () => undefined,
  resumed: () => undefined,
  failed: () => undefined,
}
