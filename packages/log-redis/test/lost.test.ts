import type { CompleteEventLog } from '@tailrace/log'
import { needs, startFlakyProxy, type FlakyProxy, type RedisServer } from '@tailrace/testkit'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import { connectTo } from './connect-to.ts'
import { follow, publish, texts } from './readers.ts'
import { open, start } from './start.ts'

const redis = needs('redis')

describe.skipIf(!redis)('a tail that is behind', () => {
  let server: RedisServer
  let proxy: FlakyProxy
  let log: CompleteEventLog
  let other: CompleteEventLog

  beforeEach(async () => {
    server = await start({ appendfsync: false })
    proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
    onTestFinished(() => proxy.close())
    log = await open({ url: `redis://127.0.0.1:${proxy.port}` })
    other = await open(server)
  })

  /** Retention removes what is left of a topic. */
  async function remove(topic: string): Promise<void> {
    const rules = [{ selector: topic, maxCount: 0 }]
    while (!(await other.retention.trim(rules, Date.now())).done);
  }

  function cut(): void {
    proxy.interrupt()
  }

  test('reports one loss, however many holes it finds, and what is left is in the log', async () => {
    const tail = await follow(log)
    cut()
    await tail.interrupted
    const batch = Array.from({ length: 1_000 }, (_, i) => ({
      topic: i % 2 === 0 ? 'gone' : 'kept',
      data: `${i}`,
    }))
    const offsets = (await other.append(batch)).map(({ offset }) => offset)
    await remove('gone')
    proxy.refuse(false)
    await expect.poll(() => tail.losses).toEqual([offsets.at(-1)])
    await publish(other, 'newer')
    await tail.until((events) => texts(events).includes('newer'))
    expect(texts(tail.events)).toEqual(['newer'])
    expect(tail.losses).toHaveLength(1)
  })

  test('reports what was removed while its connection stood still', async () => {
    const tail = await follow(log)
    proxy.pauseAll()
    const first = await publish(other, 'first')
    for (let i = 0; i < 20; i += 1) await publish(other, `${i}`)
    const last = await publish(other, 'last')
    await remove('a')
    proxy.resumeAll()
    await expect.poll(() => tail.losses).toEqual([last])
    expect(tail.events.every(({ offset }) => offset === first)).toBe(true)
    await publish(other, 'newer')
    await tail.until((events) => texts(events).includes('newer'))
  })

  test('reports what others have trimmed from the stream', async () => {
    const tail = await follow(log)
    cut()
    await tail.interrupted
    const last = await publish(other, 'trimmed')
    using admin = await connectTo(server)
    await admin.send('XTRIM', '{tailrace}:log', 'MAXLEN', '0')
    proxy.refuse(false)
    await expect.poll(() => tail.losses).toEqual([last])
  })

  test('is as far as the log: a listener that joins begins after what is lost', async () => {
    const tail = await follow(log)
    cut()
    await tail.interrupted
    await publish(other, 'removed')
    const last = await publish(other, 'kept', 'b')
    await remove('a')
    proxy.refuse(false)
    await expect.poll(() => tail.losses).toEqual([last])
    await log.describe()
    const joined = await follow(log)
    expect(joined.after).toBe(last)
    await publish(other, 'newer')
    await joined.until((events) => texts(events).includes('newer'))
    expect(joined.losses).toEqual([])
  })

  test('that has reported everything loses nothing, whatever is purged and removed', async () => {
    const tail = await follow(log)
    for (let round = 0; round < 5; round += 1) {
      await other.append(
        Array.from({ length: 50 }, (_, i) => ({ topic: `t/${i % 2}`, data: `${round} ${i}` })),
      )
      await tail.until((events) => events.length === 50 * (round + 1))
      await other.retention.purge('t/0')
      await remove('**')
    }
    const newest = await publish(other, 'newer')
    await tail.until((events) => events.at(-1)?.offset === newest)
    expect(tail.losses).toEqual([])
  })
})
