import { rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawnCli, startHub, tempDir } from '@tailrace/testkit'
import type { CliProcess, HubOptions, HubProcess } from '@tailrace/testkit'
import { expect } from 'vitest'
import { readTopic } from '../support/audit.ts'

export const TOPIC = 'logs/app'

/** A folder with a log file to be, a hub, and the command between them. */
export interface Bench extends AsyncDisposable {
  readonly file: string
  readonly folder: string
  readonly hub: HubProcess
  /** Starts `tailrace publish logs/app --follow FILE`. It is killed with the bench. */
  follow(args?: string[]): CliProcess
  /** What the topic holds now. */
  published(): Promise<string[]>
  /** Resolves when the topic holds these lines, and no others. */
  expectPublished(lines: readonly string[], timeout?: number): Promise<void>
}

export async function startBench(options: HubOptions = {}): Promise<Bench> {
  const dir = tempDir()
  const hub = await startHub(options)
  const file = join(dir.path, 'app.log')
  const followers: CliProcess[] = []
  const published = async (): Promise<string[]> => (await readTopic(hub.url, TOPIC)).map(({ data }) => data)
  return {
    file,
    folder: dir.path,
    hub,
    follow(args = []) {
      const follower = spawnCli(['publish', TOPIC, '--follow', file, '--url', hub.url, ...args])
      followers.push(follower)
      return follower
    },
    published,
    expectPublished: (lines, timeout = 10_000) =>
      expect.poll(published, { timeout, interval: 20 }).toEqual(lines),
    async [Symbol.asyncDispose]() {
      await Promise.all(followers.map((follower) => follower.kill('SIGKILL')))
      await hub[Symbol.asyncDispose]()
      dir[Symbol.dispose]()
    },
  }
}

/** Until files are written later than all before: the kernel's clock for files stands still for milliseconds. */
export async function tick(file: string): Promise<void> {
  const probe = `${file}.probe`
  const touch = (): bigint => {
    writeFileSync(probe, 'x')
    return statSync(probe, { bigint: true }).mtimeNs
  }
  const start = touch()
  await expect.poll(touch, { interval: 1 }).toBeGreaterThan(start)
  rmSync(probe)
}
