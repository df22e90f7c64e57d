import type { CompleteEventLog, LogError, StoredEvent } from '@tailrace/log'
import { expect, vi } from 'vitest'

/** What a tail was told. */
export function record(
  log: CompleteEventLog,
): Promise<{ events: StoredEvent[]; failures: LogError[]; told: string[] }> {
  const [events, failures, told]: [StoredEvent[], LogError[], string[]] = [[], [], []]
  return log
    .tail({
      events: (run) => events.push(...run),
      purged: () => told.push('purged'),
      lost() {},
      interrupted: () => told.push('interrupted'),
      resumed: () => told.push('resumed'),
      failed: (error) => failures.push(error),
    })
    .then(() => ({ events, failures, told }))
}

export const append = (log: CompleteEventLog, data: string): Promise<string> =>
  log.append([{ topic: 'a', data }]).then(
    ([appended]) => `${appended!.offset}`,
    (error: LogError) => error.code,
  )

export async function readAll(log: CompleteEventLog): Promise<StoredEvent[]> {
  const events: StoredEvent[] = []
  for (let after = 0, more = true; more;) {
    const page = await log.read({ selectors: ['**'], after, limit: 1_000, maxBytes: 2 ** 24 })
    events.push(...page.events)
    ;({ next: after, more } = page)
  }
  return events
}

/** Publishers on several nodes, who remember what became of each event. */
export interface Load {
  /** Resolves once so many more publishes were answered. */
  more(count: number): Promise<void>
  /** Stops, and checks that all nodes have exactly what was acknowledged, each event once. Returns it, in order. */
  audit(): Promise<StoredEvent[]>
}

export function startLoad(nodes: readonly CompleteEventLog[]): Load {
  const outcomes = new Map<string, string>()
  const over = new AbortController()
  const publishers = nodes.flatMap((log, node) =>
    Array.from({ length: 4 }, async (_, publisher) => {
      for (let i = 0; !over.signal.aborted; i += 1) {
        const data = `${node}.${publisher}.${i}`
        const outcome = await append(log, data)
        outcomes.set(data, outcome)
        if (outcome === 'unreachable') await becomesReady(log)
      }
    }),
  )
  return {
    async more(count) {
      const enough = outcomes.size + count
      await expect.poll(() => outcomes.size, { timeout: 60_000 }).toBeGreaterThan(enough)
    },
    async audit() {
      over.abort()
      await Promise.all(publishers)
      // Each node may lag behind the others until it is asked how far they are.
      for (const node of nodes) await node.describe()
      const [stored, ...others] = await Promise.all(nodes.map(readAll))
      for (const other of others) expect(other).toEqual(stored)
      const offsets = new Map(stored!.map(({ data, offset }) => [data, `${offset}`]))
      expect(offsets.size).toBe(stored!.length)
      for (const [data, outcome] of outcomes) {
        if (outcome === 'outcome-unknown') continue
        expect([data, offsets.get(data) ?? 'unreachable']).toEqual([data, outcome])
      }
      return stored!
    },
  }
}

export async function becomesReady(log: CompleteEventLog): Promise<void> {
  await vi.waitFor(() => log.ready(), { timeout: 60_000 })
}
