import { createMemoryEngine, createMemoryLog, LogError, openReopeningLog } from '@tailrace/log'
import type { CompleteEventLog, EventLog } from '@tailrace/log'
import { testEventLog } from '@tailrace/log-suite'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { beforeEach, describe, expect, test, vi } from 'vitest'

testEventLog(
  'reopening log',
  async ({ now }) => {
    const engine = createMemoryEngine({ now })
    const nodes: EventLog[] = []
    const join = async (): Promise<CompleteEventLog> => {
      const node = (await openReopeningLog(async () => engine.open())) as CompleteEventLog
      nodes.push(node)
      return node
    }
    const log = await join()
    return {
      log,
      join,
      async close() {
        for (const node of nodes) await node.close()
      },
    }
  },
  ['snapshots', 'topics', 'retention', 'shared', 'clock', 'join'],
)

describe('a log whose engine holds another one', () => {
  const REPLACED = new LogError('replaced', 'The engine holds another log.')
  let lives: [ScriptedLog, ScriptedLog]
  let outcomes: (ScriptedLog | Error)[]
  let log: EventLog

  const openNext = async (): Promise<EventLog> => {
    const next = outcomes.shift()
    if (next === undefined) throw new LogError('replaced', 'There is no other log yet.')
    if (next instanceof Error) throw next
    return next.log
  }

  beforeEach(async () => {
    lives = [createScriptedLog(createMemoryLog()), createScriptedLog(createMemoryLog())]
    outcomes = [...lives]
    log = await openReopeningLog(openNext)
  })

  const epochOf = async (one: EventLog): Promise<string> => (await one.describe()).epoch
  const newEpoch = (): Promise<string> => epochOf(lives[1].log)
  const untilReopened = async (): Promise<void> => {
    await vi.waitFor(async () => expect(await epochOf(log)).toBe(await newEpoch()))
  }

  async function follow(): Promise<string[]> {
    const calls: string[] = []
    await log.tail({
      events: (events) => void calls.push(...events.map(({ data }) => data)),
      purged: (topic) => void calls.push(`purged ${topic}`),
      lost: (through) => void calls.push(`lost ${through}`),
      interrupted: ({ code }) => void calls.push(code),
      resumed: () => void calls.push('resumed'),
      failed: ({ code }) => void calls.push(`failed ${code}`),
    })
    return calls
  }

  test('ends its tails, closes the old log, and is the other one from then on', async () => {
    const before = await follow()
    await log.append([{ topic: 't', data: 'old' }])
    lives[0].interrupt()
    lives[0].resume()
    lives[0].fail(REPLACED)
    await expect(log.describe()).rejects.toBe(REPLACED)
    await untilReopened()
    const after = await follow()
    await log.append([{ topic: 't', data: 'new' }])
    expect(before).toEqual(['old', 'unreachable', 'resumed', 'failed replaced'])
    expect(after).toEqual(['new'])
    await expect(lives[0].log.describe()).rejects.toMatchObject({ code: 'closed' })
    await log.close()
  })

  test('notices it from a call too', async () => {
    lives[0].interrupt(REPLACED)
    await expect(log.append([{ topic: 't', data: 'x' }])).rejects.toBe(REPLACED)
    await untilReopened()
    await log.close()
  })

  test('tries again until it can be opened, and rejects with the reason until then', async () => {
    const refused = new LogError('unauthorized', 'The engine rejects the password.')
    outcomes.unshift(refused, refused)
    lives[0].fail(REPLACED)
    lives[0].interrupt(REPLACED)
    await log.ready().catch(() => undefined)
    await vi.waitFor(() => expect(log.ready()).rejects.toBe(refused))
    await untilReopened()
    await log.close()
  })

  test('can be closed while there is none', async () => {
    outcomes = []
    lives[0].interrupt(REPLACED)
    await expect(log.ready()).rejects.toBe(REPLACED)
    await log.close()
    await expect(log.ready()).rejects.toMatchObject({ code: 'closed' })
  })

  test('is closed even if it was being opened', async () => {
    const opening = Promise.withResolvers<void>()
    let opens = 0
    const slow = await openReopeningLog(async () => {
      opens += 1
      if (opens > 1) await opening.promise
      return lives[opens - 1]!.log
    })
    lives[0].interrupt(REPLACED)
    await expect(slow.ready()).rejects.toBe(REPLACED)
    await vi.waitFor(() => expect(opens).toBe(2))
    const closed = slow.close()
    opening.resolve()
    await closed
    await expect(lives[1].log.ready()).rejects.toMatchObject({ code: 'closed' })
  })
})

test('a log that cannot be opened the first time rejects with the reason', async () => {
  const foreign = new LogError('foreign', 'This is something else.')
  await expect(openReopeningLog(() => Promise.reject(foreign))).rejects.toBe(foreign)
})

test('a log has only the capabilities of the one that it opens', async () => {
  const { append, read, tail, describe: describing, ready, close } = createMemoryLog()
  const log = await openReopeningLog(async () => ({ append, read, tail, describe: describing, ready, close }))
  expect([log.snapshots, log.topics, log.retention, log.shared]).toEqual(Array.from({ length: 4 }))
})
