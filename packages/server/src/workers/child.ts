import { bugOf, failureOf } from '../cli/failure.ts'
import type { Failure } from '../cli/failure.ts'
import { outliveOutput } from '../cli/output.ts'
import type { ChildCalls, Order, Started, SupervisorCalls } from './calls.ts'
import { Link } from './link.ts'

/** What a child does, once it is ready. */
export interface Work extends Omit<ChildCalls, 'start' | 'ping'> {
  readonly port: number
}

// They reach all processes of a terminal or of a service. The supervisor decides what its children do.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
// The supervisor is gone. Whoever takes its place finds the port and the log free.
process.on('disconnect', () => process.exit(1))
process.on('uncaughtException', (error) => {
  const { text, exitCode } = bugOf(error)
  process.stderr.write(text)
  process.exit(exitCode)
})
outliveOutput()
// Before it could notice.
if (!process.connected) process.exit(1)

/** What it can be asked. Its work adds to this. */
const calls: Partial<ChildCalls> & Pick<ChildCalls, 'start' | 'ping'> = { start, ping: () => undefined }
const link = new Link<SupervisorCalls>(process, calls)

async function start(order: Order): Promise<Started | Failure> {
  try {
    const { port, ...work } = await begin(order)
    Object.assign(calls, work, {
      async stop() {
        await work.stop()
        setImmediate(() => void end())
      },
    })
    return { port }
  } catch (error) {
    return failureOf(error) ?? bugOf(error)
  }
}

async function begin(order: Order): Promise<Work> {
  if (order.role === 'owner') return (await import('./owner.ts')).own(order, link)
  return (await import('./worker.ts')).work(order, link)
}

async function end(): Promise<void> {
  await link.flush()
  process.exit(0)
}
