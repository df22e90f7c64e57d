import { startProcess } from '../cli/serve-process.ts'
import type { Order, SupervisorCalls } from './calls.ts'
import type { Work } from './child.ts'
import type { Link } from './link.ts'
import { relayedJournal } from './relayed-journal.ts'
import { WorkerCrew } from './worker-crew.ts'

/** Serves a hub, together with the other workers. */
export async function work(
  order: Extract<Order, { role: 'worker' }>,
  link: Link<SupervisorCalls>,
): Promise<Work> {
  const crew = new WorkerCrew(order, link)
  const { port, drain, stop } = await startProcess(order.values, relayedJournal(link), crew)
  return { port, ...crew.calls(), drain, stop }
}
