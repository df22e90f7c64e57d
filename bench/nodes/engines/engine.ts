import { childrenOf, processTree } from '../../usage.ts'

/** What its clients cost an engine, by its own counters. */
export interface EngineCounters {
  /** Open connections, except that of the bench. */
  readonly connections: number
  /** Consumers or blocked clients: those that wait for what is new. NaN if the engine does not show them. */
  readonly waiting: number
  /** Requests of readers, or messages sent to them, since it was started. */
  readonly reads: number
}

/** A running engine that nodes share. */
export interface Engine extends AsyncDisposable {
  /** As `--log` accepts it. */
  readonly url: string
  readonly port: number
  pids(): number[]
  counters(): Promise<EngineCounters>
}

/** The processes that `start` leaves running are those of the engine. */
export async function withPids<Server>(
  start: () => Promise<Server>,
): Promise<{ server: Server; pids: () => number[] }> {
  const before = new Set(childrenOf(process.pid))
  const server = await start()
  const roots = childrenOf(process.pid).filter((pid) => !before.has(pid))
  return { server, pids: () => roots.flatMap(processTree) }
}
