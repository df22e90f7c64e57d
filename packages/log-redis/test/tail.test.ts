import type { CompleteEventLog } from '@tailrace/log'
import { needs, startFlakyProxy } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

import { connectTo } from './connect-to.ts'
import { follow, publish, readAll, texts } from './readers.ts'
import { open, start } from './start.ts'

const redis = needs('redis')

describe.skipIf(!redis)('the tail of a node', () => {
  test('is one blocked client of Redis, whatever listens and reads', async () => {
    const server = await start({ appendfsync: false })
    const log = await open(server)
    const tails = await Promise.all(Array.from({ length: 50 }, () => follow(log)))
    await Promise.all(Array.from({ length: 20 }, (_, i) => publish(log, `${i}`)))
    await Promise.all(Array.from({ length: 50 }, () => readAll(log)))
    for (const tail of tails) await tail.until((events) => events.length === 20)
    using admin = await connectTo(server)
    expect(await admin.send('INFO', 'clients')).toContain('blocked_clients:1\r\n')
    // Two of the node, and this one.
    expect(await admin.send('INFO', 'clients')).toContain('connected_clients:3\r\n')
    await admin.send('CONFIG', 'RESETSTAT')
    for (let i = 0; i < 10; i += 1) await publish(log, 'more')
    for (const tail of tails) await tail.until((events) => events.length === 30)
    const stats = String(await admin.send('INFO', 'commandstats'))
    const reads = Number(/cmdstat_xread:calls=(\d+)/.exec(stats)?.[1])
    expect(reads).toBeLessThanOrEqual(12)
    await open(server)
    expect(await admin.send('INFO', 'clients')).toContain('blocked_clients:2\r\n')
  })

  test('reports a purge that follows its opening, before any newer event', async () => {
    const server = await start({ appendfsync: false })
    const [first, log] = [await open(server), await open(server)]
    await publish(first, 'purged')
    const late = await open(server)
    const tails = await Promise.all([log, late].map((node) => follow(node)))
    await first.retention.purge('a')
    for (const { purges } of tails) await expect.poll(() => purges).toContain('a')
  })

  test(
    'notices a network that has stopped to deliver, and continues where it was',
    { timeout: 90_000 },
    async () => {
      const server = await start({ appendfsync: false })
      const proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
      onTestFinished(() => proxy.close())
      const [log, other] = [await open({ url: `redis://127.0.0.1:${proxy.port}` }), await open(server)]
      const tail = await follow(log)
      await publish(other, 'before')
      await tail.until((events) => events.length === 1)
      proxy.pauseAll()
      const unanswered = publish(log, 'unanswered').catch((error: unknown) => error)
      await publish(other, 'during')
      expect(await tail.interrupted).toMatchObject({
        code: 'unreachable',
        message: expect.stringContaining('not answered'),
      })
      expect(await unanswered).toMatchObject({ code: 'outcome-unknown' })
      proxy.resumeAll()
      await tail.resumed
      await publish(other, 'after')
      await tail.until((events) => texts(events).includes('after'))
      expect(texts(tail.events).filter((text) => text !== 'unanswered')).toEqual([
        'before',
        'during',
        'after',
      ])
    },
  )

  test('reports a large batch in parts', async () => {
    const server = await start({ appendfsync: false })
    const [log, other] = [await open(server), await open(server)]
    const runs: number[] = []
    const done = Promise.withResolvers<void>()
    await other.tail({
      events(run) {
        runs.push(run.length)
        if (run.at(-1)!.data === 'last') done.resolve()
      },
      purged() {},
      lost() {},
      interrupted() {},
      resumed() {},
      failed() {},
    })
    const batch = Array.from({ length: 5_000 }, (_, i) => ({ topic: `t/${i % 100}`, data: `${i}` }))
    const large = Array.from({ length: 8 }, () => ({ topic: 'large', data: 'x'.repeat(2 ** 20) }))
    await log.append(batch)
    await log.append(large)
    await publish(log, 'last')
    await done.promise
    expect(runs.reduce((sum, length) => sum + length, 0)).toBe(5_009)
    expect(Math.max(...runs)).toBeLessThanOrEqual(256)
  })

  test('holds few large events in memory, even right behind many small ones', async () => {
    const server = await start({ appendfsync: false })
    const [log, other] = [await open(server), await open(server)]
    const sizes: number[] = []
    const done = Promise.withResolvers<void>()
    await other.tail({
      events(run) {
        sizes.push(run.reduce((sum, { data }) => sum + data.length, 0))
        if (run.at(-1)!.data === 'last') done.resolve()
      },
      purged() {},
      lost() {},
      interrupted() {},
      resumed() {},
      failed() {},
    })
    const small = Array.from({ length: 1_000 }, () => ({ topic: 't', data: 'small' }))
    const large = Array.from({ length: 28 }, () => ({ topic: 't', data: 'x'.repeat(2 ** 20) }))
    await log.append([...small, ...large, ...small, { topic: 't', data: 'last' }])
    await done.promise
    expect(Math.max(...sizes)).toBeLessThan(10 * 2 ** 20)
  })

  test('learns of purges that happened while it was away, however many', async () => {
    const server = await start({ appendfsync: false })
    const proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
    onTestFinished(() => proxy.close())
    const [log, other] = [await open({ url: `redis://127.0.0.1:${proxy.port}` }), await open(server)]
    const purged = new Set<string>()
    const done = Promise.withResolvers<void>()
    const interrupted = Promise.withResolvers<void>()
    const topics = Array.from({ length: 1_200 }, (_, i) => `t/${i}`)
    await other.append(topics.map((topic) => ({ topic, data: '' })))
    await log.tail({
      events() {},
      purged(topic) {
        purged.add(topic)
        if (purged.size === topics.length) done.resolve()
      },
      lost() {},
      interrupted: () => interrupted.resolve(),
      resumed() {},
      failed() {},
    })
    proxy.interrupt()
    await interrupted.promise
    await Promise.all(topics.map((topic) => other.retention.purge(topic)))
    proxy.refuse(false)
    await done.promise
    using admin = await connectTo(server)
    expect(await admin.send('ZCARD', '{tailrace}:records')).toBe(1_000)
    for (let isDone = false; !isDone;) isDone = (await other.retention.trim([], Date.now())).done
    const { oldest, newest } = await other.describe()
    expect(oldest).toBe(newest + 1)
  })

  test('appends what many publish at once in few steps of Redis', async () => {
    const server = await start()
    const log: CompleteEventLog = await open(server)
    using admin = await connectTo(server)
    await publish(log, 'first')
    await admin.send('CONFIG', 'RESETSTAT')
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => publish(log, `${i}`)))
    const stats = String(await admin.send('INFO', 'commandstats'))
    const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1])
    expect(scripts).toBeLessThanOrEqual(200)
    expect(await readAll(log)).toHaveLength(1_001)
  })
})
