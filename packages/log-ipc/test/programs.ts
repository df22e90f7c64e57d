import { fileURLToPath } from 'node:url'
import { spawnCli, type CliProcess } from '@tailrace/testkit'
import { expect } from 'vitest'

const mainOf = (name: string): string => fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url))

/** A process that owns a SQLite log, and serves it. */
export async function startOwner(
  ...args: [socket: string, file: string, isFatal?: string]
): Promise<CliProcess> {
  const owner = spawnCli(args, { main: mainOf('own-log') })
  expect(await owner.nextLine(60_000)).toBe('serving')
  return owner
}

/** What a node was told of a log. */
export interface NodeReport {
  readonly after: number
  readonly followed: readonly (readonly [offset: number, data: string])[]
  readonly acknowledged: readonly (readonly [offset: number, data: string])[]
  readonly interruptions: readonly string[]
}

/** A process that publishes to a log and follows it until a line arrives, and prints a line for every 50 events. */
export async function startNode(socket: string, name: string, report: string): Promise<CliProcess> {
  const node = spawnCli([socket, name, report], { main: mainOf('publish-and-follow') })
  expect(await node.nextLine(60_000)).toBe('following')
  return node
}
