import { openLog } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { serveLog } from '@tailrace/log-ipc'
import { Registry } from 'prom-client'
import { passwordOf } from '../cli/serve-process.ts'
import { usageErrorOf } from '../cli/usage-error.ts'
import { addProcessMetrics, snapshotOf } from '../observe/snapshot.ts'
import type { Order, SupervisorCalls } from './calls.ts'
import type { Work } from './child.ts'
import type { Link } from './link.ts'
import { relayedJournal } from './relayed-journal.ts'

/** Opens a log that only one process can have open, and serves it to the workers. */
export async function own(
  { values, path }: Extract<Order, { role: 'owner' }>,
  link: Link<SupervisorCalls>,
): Promise<Work> {
  const { warn } = relayedJournal(link)
  const options = { password: passwordOf(values), requireDurable: values['require-durable'], warn }
  const log = await openLog(values.log, options).catch((error: unknown) => {
    throw error instanceof RangeError ? usageErrorOf(error) : error
  })
  const served = await serveLog(log as CompleteEventLog, path)
  const registry = new Registry()
  addProcessMetrics(registry)
  return {
    port: 0,
    metrics: () => snapshotOf(registry),
    drain: async () => undefined,
    async stop() {
      await served.close()
      await log.close()
    },
  }
}
