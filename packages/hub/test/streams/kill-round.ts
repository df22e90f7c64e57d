import { fileURLToPath } from 'node:url'
import type { Hub } from '@tailrace/hub'
import { openSqliteLog } from '@tailrace/log'
import { spawnCli } from '@tailrace/testkit'
import { expect } from 'vitest'
import { contentOf, startShortHub } from './terms.ts'

const PROGRAM = fileURLToPath(new URL('../programs/many-streams-until-killed.ts', import.meta.url))

/** What the program has printed of a stream: so many tokens are durable, and its end may be. */
interface Promised {
  tokens: number
  isEnded: boolean
}

/**
 * Kills a program with 50 open streams after it has printed some lines. Then a hub on its log, which nobody asks for
 * anything, must end every stream, with every token that was durable, and none twice.
 *
 * @returns how many streams ended in which way
 */
export async function killRound(
  path: string,
  prefix: string,
  lines: number,
): Promise<{ done: number; lost: number }> {
  const promised = await produceUntilKilled(path, prefix, lines)
  const log = await openSqliteLog({ path })
  const hub = await startShortHub(log)
  try {
    await expect.poll(() => openOf(hub, prefix), { interval: 20 }).toEqual([])
    const counts = { done: 0, lost: 0 }
    const topics = (await listed(hub, prefix)).map(({ topic }) => topic)
    expect(topics).toEqual(expect.arrayContaining([...promised.keys()]))
    for (const topic of topics) {
      const content = await contentOf(hub, topic)
      const tokens = content.slice(1, -1)
      expect(tokens).toEqual(tokens.map((_, i) => `message ${i + 1}`))
      const { tokens: durable, isEnded } = promised.get(topic) ?? { tokens: 0, isEnded: false }
      expect(tokens.length, topic).toBeGreaterThanOrEqual(durable)
      if (content.at(-1) === 'tailrace.done {} end') counts.done += 1
      else {
        expect(content.at(-1)).toContain('tailrace.failed {"code":"producer-lost"')
        expect(isEnded, topic).toBe(false)
        counts.lost += 1
      }
    }
    return counts
  } finally {
    await hub.close()
    await log.close()
  }
}

async function produceUntilKilled(
  path: string,
  prefix: string,
  lines: number,
): Promise<Map<string, Promised>> {
  await using producer = spawnCli([`sqlite:${path}`, prefix], { main: PROGRAM })
  const promised = new Map<string, Promised>()
  const read = async (): Promise<boolean> => {
    const line = await producer.nextLine().catch(() => undefined)
    if (line === undefined) return false
    // The last line may be incomplete.
    const [topic, tokens, end] = line.split(' ')
    if (tokens !== undefined) promised.set(topic!, { tokens: Number(tokens), isEnded: end === 'end' })
    return true
  }
  for (let i = 0; i < lines; i += 1) await read()
  await producer.kill('SIGKILL')
  while (await read());
  return promised
}

async function openOf(hub: Hub, prefix: string): Promise<string[]> {
  return (await listed(hub, prefix)).filter(({ ended }) => !ended).map(({ topic }) => topic)
}

function listed(hub: Hub, prefix: string): ReturnType<Hub['topics']> {
  return hub.topics({ prefix: `${prefix}/`, after: '', limit: 10_000 })
}
