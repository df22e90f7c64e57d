import { fileURLToPath } from 'node:url'
import { spawnCli, type CliProcess } from '@tailrace/testkit'
import { expect } from 'vitest'

const OWN_LOG = fileURLToPath(new URL('./programs/own-log.ts', import.meta.url))
const PUBLISH_AND_FOLLOW = fileURLToPath(new URL('./programs/publish-and-follow.ts', import.meta.url))

/** A process that owns a SQLite log, and serves it. A fatal one dies when it has purged a topic. */
export async function startOwner(socket: string, file: string, isFatal = false): Promise<CliProcess> {
  const owner = spawnCli([socket, file, ...(isFatal ? ['fatal'] : [])], { main: OWN_LOG })
  expect(await owner.nextLine(60_000)).toBe('serving')
  return owner
}

/** What a node has learned of a log. */
export interface NodeReport {
  readonly after: number
  readonly followed: readonly (readonly [offset: number, data: string])[]
  readonly acknowledged: readonly (readonly [offset: number, data: string])[]
  readonly interruptions: readonly string[]
}

/** A process that publishes to a log and follows it until a line arrives, and prints a line for every 50 events. */
export async function startNode(socket: string, name: string, report: string): Promise<CliProcess> {
  const node = spawnCli([socket, name, report], { main: PUBLISH_AND_FOLLOW })
  expect(await node.nextLine(60_000)).toBe('following')
  return node
}
