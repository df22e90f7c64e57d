import { createMemoryLog, type Appended, type EventLog, type NewEvent } from '@tailrace/log'
import { needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connectTo } from './connect-to.ts'
import { open, start } from './start.ts'

const redis = needs('redis')

/** Numbers that look random, the same ones in each run. */
function createDice(): (sides: number) => number {
  let state = 1
  return (sides) => {
    state = (state * 48_271) % 2_147_483_647
    return state % sides
  }
}

/** Everything that readers could see, except times. */
async function contentOf(log: EventLog): Promise<unknown> {
  const query = { selectors: ['**'], after: 0, limit: 10_000, maxBytes: 2 ** 24 }
  const [all, newest] = [await log.read(query), await log.snapshots!.read(query)]
  return {
    all: all.events.map(({ time, ...event }) => ({ ...event, hasTime: time > 0 })),
    newest: newest.events.map(({ offset }) => offset),
    topics: await log.topics!.list({ prefix: '', after: '', limit: 100 }),
  }
}

describe.skipIf(!redis)('a step of Redis that stores several batches', () => {
  test('stores what they would have stored one after the other', async () => {
    const server = await start({ appendfsync: false })
    const [log, model] = [await open(server), createMemoryLog()]
    const dice = createDice()
    const randomEvent = (): NewEvent => {
      const key = dice(2) === 0 ? undefined : `key ${dice(4)}`
      return {
        topic: `t/${dice(5)}`,
        data: 'x'.repeat(dice(50)),
        key,
        remove: key !== undefined && dice(4) === 0,
        idempotencyKey: dice(2) === 0 ? undefined : `once ${dice(30)}`,
        end: dice(60) === 0,
      }
    }
    for (let step = 0; step < 40; step += 1) {
      const batches = Array.from({ length: 1 + dice(6) }, () =>
        Array.from({ length: 1 + dice(4) }, randomEvent),
      )
      const outcomes = async (one: EventLog): Promise<readonly (readonly Appended[] | string)[]> =>
        Promise.all(batches.map((batch) => one.append(batch).catch(({ message }: Error) => message)))
      expect(await outcomes(log)).toEqual(await outcomes(model))
      if (step % 8 === 7) {
        const topic = `t/${dice(5)}`
        expect(await log.retention.purge(topic)).toBe(await model.retention.purge(topic))
      }
    }
    expect(await contentOf(log)).toEqual(await contentOf(model))
    await model.close()
  })

  test('writes each index once, however many events are new in it', async () => {
    const server = await start({ appendfsync: false })
    const log = await open(server)
    using admin = await connectTo(server)
    const batch = Array.from({ length: 400 }, (_, i) => ({
      topic: `t/${i % 4}`,
      data: '',
      key: `${i}`,
      idempotencyKey: `${i}`,
    }))
    await admin.send('CONFIG', 'RESETSTAT')
    await log.append(batch)
    const stats = String(await admin.send('INFO', 'commandstats'))
    const callsOf = (name: string): number =>
      Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1])
    expect(callsOf('xadd')).toBe(400)
    // Of each topic: its index, its keys, and the times of its idempotency keys; and the list of all topics.
    expect(callsOf('zadd')).toBe(13)
    expect(callsOf('hset')).toBe(9)
  })
})
