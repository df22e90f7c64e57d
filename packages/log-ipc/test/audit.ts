import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createRandom, tempDir, type CliProcess } from '@tailrace/testkit'
import { expect } from 'vitest'

import { openIpcLog } from '../src/index.ts'
import { startNode, startOwner, type NodeReport } from './programs.ts'
import { readAll } from './reading.ts'

interface AuditOptions {
  readonly kills: number
  readonly nodes: number
  readonly seed: number
}

/**
 * Kills the owner of a log at random, while nodes publish to it and follow it. Then compares what they have learned with what
 * is stored.
 */
export async function auditKills({ kills, nodes, seed }: AuditOptions): Promise<void> {
  const random = createRandom(seed)
  using dir = tempDir()
  const [socket, file] = [join(dir.path, 'log'), join(dir.path, 'log.db')]
  let owner = await startOwner(socket, file)
  const names = Array.from({ length: nodes }, (_, i) => `node${i}`)
  const reportOf = (name: string): string => join(dir.path, `${name}.json`)
  const started: CliProcess[] = []
  try {
    for (const name of names) started.push(await startNode(socket, name, reportOf(name)))
    for (let kill = 0; kill < kills; kill += 1) {
      const witness = random.pick(started)
      for (let lines = random.int(1, 6); lines > 0; lines -= 1)
        expect(await witness.nextLine(60_000)).toBe('more')
      await owner.kill('SIGKILL')
      owner = await startOwner(socket, file)
    }
    for (const node of started) node.stdin.write('over\n')
    for (const node of started) while ((await node.nextLine(60_000)) !== 'written');
    const log = await openIpcLog({ url: `ipc:${socket}` })
    const { newest } = await log.describe()
    for (const node of started) node.stdin.write(`${newest}\n`)
    for (const node of started) expect(await node.exited).toEqual({ code: 0, signal: null })
    const stored = (await readAll(log)).map(({ offset, data }) => [offset, data] as const)
    await log.close()
    const reports = names.map((name) => JSON.parse(readFileSync(reportOf(name), 'utf8')) as NodeReport)
    compare(stored, reports, kills, `TAILRACE_SEED=${seed}`)
  } finally {
    for (const child of [...started, owner]) await child.kill('SIGKILL')
  }
}

function compare(
  stored: readonly (readonly [number, string])[],
  reports: readonly NodeReport[],
  kills: number,
  seed: string,
): void {
  const acknowledged = reports.flatMap((report) => report.acknowledged).toSorted(([a], [b]) => a - b)
  expect(acknowledged.length, seed).toBeGreaterThanOrEqual(50 * kills)
  // Whatever is stored was published until that was acknowledged, once.
  expect(stored, seed).toEqual(acknowledged)
  expect(new Set(stored.map(([, data]) => data)).size, seed).toBe(stored.length)
  for (const { after, followed, interruptions } of reports) {
    expect(followed, seed).toEqual(stored.filter(([offset]) => offset > after))
    // A node may find nobody between two kills.
    expect(interruptions.length, seed).toBeLessThanOrEqual(2 * kills)
    expect(interruptions.join(' '), seed).toMatch(/^(unreachable resumed ?)+$/)
  }
}
