import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Addressed, Compared, Place } from '../peer.ts'
import type { ServerProcess } from '../server-process.ts'
import type { Engine } from './engines/engine.ts'

/** Servers that share an engine: readers of each receive what is published on any of them. */
export interface Fleet extends Compared, Addressed {
  /** Whether a reader can resume on another node. */
  readonly resumes: boolean
  /** The same as another fleet, except for how the engine writes to its disk: it is only asked about that. */
  readonly isVariant?: true
  /** The name of the engine's own client in `bare/`. Only for engines that store what is published. */
  readonly bare?: string
  startEngine(): Promise<Engine>
  startNode(place: Place, engine: Engine): Promise<ServerProcess>
}

/** The place of a node, counted from 0, in the place of a trial. */
export function placeOf(place: Place, node: number): Place {
  const dir = join(place.dir, `node-${node}`)
  mkdirSync(dir, { recursive: true })
  return { dir, port: place.port + node }
}

/** A group of servers as one, for measuring. */
export function together(servers: readonly { pids(): number[] }[]): { pids(): number[] } {
  return { pids: () => servers.flatMap((server) => server.pids()) }
}

/** For `Scenario.excludes`. */
export function logsOnly({ resumes, isVariant }: Fleet): string | undefined {
  if (isVariant) return 'as without flushing'
  return resumes ? undefined : 'not asked: its readers cannot resume on another node'
}
