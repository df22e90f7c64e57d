import { cpSync } from 'node:fs'
import { join } from 'node:path'

import { expectRejection, rejection } from '@tailrace/log-suite'
import { needs, startFlakyProxy, type RedisServer } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

import { connectTo } from './connect-to.ts'
import { follow, publish, readAll } from './readers.ts'
import { open, start } from './start.ts'

const redis = needs('redis')

/** A way to the server that can be cut. */
async function through(server: RedisServer): Promise<{ url: string; cut(): void; mend(): void }> {
  const proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
  onTestFinished(() => proxy.close())
  return {
    url: `redis://127.0.0.1:${proxy.port}`,
    cut() {
      proxy.interrupt()
    },
    mend: () => proxy.refuse(false),
  }
}

/** Writes what Redis has now to its file, and returns a function that restarts it from there. */
async function backUp(server: RedisServer): Promise<() => Promise<void>> {
  using admin = await connectTo(server)
  await admin.send('SAVE')
  cpSync(join(server.path, 'dump.rdb'), join(server.path, 'backup.rdb'))
  return async () => {
    await server.kill()
    cpSync(join(server.path, 'backup.rdb'), join(server.path, 'dump.rdb'))
    await server.start()
  }
}

const WITHOUT_FILE = { appendfsync: false } as const

describe.skipIf(!redis)('a Redis that goes back in time', () => {
  test('has another epoch for the node that knows of the lost events', async () => {
    const server = await start(WITHOUT_FILE)
    const log = await open(server)
    await publish(log, 'kept')
    const restore = await backUp(server)
    const { epoch } = await log.describe()
    const lost = await publish(log, 'lost')
    const tail = await follow(log)
    await restore()
    expect(await tail.failure).toMatchObject({ code: 'replaced' })
    await expectRejection(publish(log, 'later'), 'replaced')
    const again = await open(server)
    const described = await again.describe()
    expect(described.epoch).not.toBe(epoch)
    expect((await readAll(again)).map(({ data }) => data)).toEqual(['kept'])
    expect(await publish(again, 'new')).toBeGreaterThan(lost)
  })

  test('has another epoch for all nodes once one of them brings the proof, even a late one', async () => {
    const server = await start(WITHOUT_FILE)
    const [first, late] = [await through(server), await through(server)]
    const [one, other] = [await open(first), await open(late)]
    await publish(one, 'kept')
    const tail = await follow(one)
    const restore = await backUp(server)
    const { epoch } = await one.describe()
    first.cut()
    await tail.interrupted
    await publish(other, 'lost')
    late.cut()
    await restore()
    first.mend()
    await tail.resumed
    expect((await one.describe()).epoch).toBe(epoch)
    await publish(one, 'new')
    late.mend()
    expect(await tail.failure).toMatchObject({ code: 'replaced' })
    await expect.poll(async () => (await rejection(other.ready())).code).toBe('replaced')
    const again = await open(server)
    expect((await again.describe()).epoch).not.toBe(epoch)
    expect((await readAll(again)).map(({ data }) => data)).toEqual(['kept', 'new'])
  })

  test('has the same epoch if nothing was lost, and skips offsets', async () => {
    const server = await start({ appendfsync: 'always' })
    const log = await open(server)
    const before = await publish(log, 'before')
    const { epoch } = await log.describe()
    const tail = await follow(log)
    await server.kill()
    await server.start()
    await tail.resumed
    const after = await publish(log, 'after')
    expect(after).toBeGreaterThan(before + 2 ** 31)
    expect(await log.describe()).toEqual({ epoch, oldest: before, newest: after })
    expect((await readAll(log)).map(({ data }) => data)).toEqual(['before', 'after'])
    await tail.until((events) => events.length === 1)
    expect(tail.losses).toEqual([])
    const again = await open(server)
    expect((await again.describe()).epoch).toBe(epoch)
  })

  test('shows a loss to a reader whose place was skipped, and to no other', async () => {
    const server = await start({ appendfsync: 'always' })
    const log = await open(server)
    const before = await publish(log, 'before')
    await log.close()
    await server.kill()
    await server.start()
    const again = await open(server)
    const { newest } = await again.describe()
    for (const after of [0, before, newest]) {
      expect(await again.read({ selectors: ['**'], after, limit: 9, maxBytes: 9 })).toMatchObject({
        lostThrough: 0,
      })
    }
    for (const selectors of [['**'], ['a'], ['b/*']]) {
      const page = await again.read({ selectors, after: before + 1, limit: 9, maxBytes: 9 })
      expect(page.lostThrough).toBe(newest)
      expect(page.losses).toBeGreaterThan(0)
    }
  })

  test('has another epoch if nobody is left who knows whether something was lost', async () => {
    const server = await start({ appendfsync: 'everysec' })
    const log = await open(server)
    await publish(log, 'perhaps lost')
    const { epoch } = await log.describe()
    await log.close()
    await server.kill()
    await server.start()
    expect((await (await open(server)).describe()).epoch).not.toBe(epoch)
  })

  test('has another epoch after its keys were restored while it ran', async () => {
    const server = await start(WITHOUT_FILE)
    const log = await open(server)
    await publish(log, 'kept')
    using admin = await connectTo(server)
    const tail = await follow(log)
    await publish(log, 'lost')
    await admin.send('HSET', '{tailrace}:meta', 'newest', '1')
    await admin.send('XDEL', '{tailrace}:log', '2-0')
    expect(await tail.failure).toMatchObject({ code: 'replaced' })
  })
})
