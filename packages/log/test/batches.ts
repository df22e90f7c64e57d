import { fileURLToPath } from 'node:url'

import type { StoredEvent } from '@tailrace/log'
import type { CliProcess } from '@tailrace/testkit'
import { expect } from 'vitest'

/** Takes the path of a log and a number, and publishes batches with it in their names. */
export const PUBLISH_UNTIL_KILLED: string = fileURLToPath(
  new URL('./programs/publish-until-killed.ts', import.meta.url),
)

/** Kills it after so many lines. What its lines say was acknowledged: the batch, and the offsets of its events. */
export async function killAfter(
  child: CliProcess,
  count: number,
  beforeKill: () => void = () => {},
): Promise<[batch: string, offsets: number[]][]> {
  expect(await child.nextLine()).toBe('open')
  const lines: string[] = []
  while (lines.length < count) lines.push(await child.nextLine())
  beforeKill()
  await child.kill('SIGKILL')
  // What it printed before it died is acknowledged as well.
  for (;;) {
    const line = await child.nextLine().catch(() => undefined)
    if (line === undefined) break
    lines.push(line)
  }
  return lines.map((line) => {
    const [batch, offsets] = line.split(' ') as [string, string]
    return [batch, offsets.split(',').map(Number)]
  })
}

/** Runs of events of one batch, by the batch's name. A batch that is torn or scattered is a failure. */
export function wholeBatches(events: readonly StoredEvent[]): Map<string, number[]> {
  const batches = new Map<string, number[]>()
  for (let i = 0; i < events.length;) {
    const [batch, , size] = events[i]!.data.split(' ') as [string, string, string]
    const run = events.slice(i, i + Number(size))
    expect(run.map(({ data }) => data.split(' ').slice(0, 2))).toEqual(
      Array.from({ length: Number(size) }, (_, n) => [batch, `${n}`]),
    )
    expect(batches.has(batch)).toBe(false)
    batches.set(
      batch,
      run.map(({ offset }) => offset),
    )
    i += run.length
  }
  return batches
}
