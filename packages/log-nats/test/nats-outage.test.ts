import { join } from 'node:path'

import { LogError } from '@tailrace/log'
import { openNatsLog } from '@tailrace/log-nats'
import { expectRejection } from '@tailrace/log-suite'
import { freePort, mountDiskImage, needs, startNats, tempDir } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

import { append, becomesReady, readAll, record, startLoad } from './audit.ts'
import { administer, openNode } from './opening.ts'

const nats = needs('nats')
const ext4 = needs('ext4')
const isLong = process.env['TAILRACE_LONG'] === '1'

describe.skipIf(!nats)('a NATS log', { timeout: 60_000 }, () => {
  test('opens before NATS can be reached, says why it is not ready, and becomes ready', async () => {
    const url = `nats://ann:hunter2@127.0.0.1:${await freePort()}`
    await using node = await openNode(url)
    const error = await expectRejection(node.log.ready(), 'unreachable')
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.message).not.toContain('hunter2')
    await expectRejection(node.log.append([{ topic: 'a', data: '' }]), 'unreachable')
    const port = Number(new URL(url).port)
    await using _ = await startNats({ port })
    await becomesReady(node.log)
    await node.log.append([{ topic: 'a', data: '' }])
  })

  const rounds = isLong ? 15 : 2
  test(
    `keeps whatever it acknowledged over ${rounds} kills of NATS under load`,
    { timeout: 40_000 * rounds },
    async () => {
      await using server = await startNats()
      await using one = await openNode(server.url)
      await using other = await openNode(server.url)
      const tails = [await record(one.log), await record(other.log)]
      const load = startLoad([one.log, other.log])
      for (let round = 0; round < rounds; round += 1) {
        await load.more(200)
        await server.stop('SIGKILL')
        await server.start()
        for (const { log } of [one, other]) await becomesReady(log)
      }
      const stored = await load.audit()
      for (const tail of tails) {
        expect(tail.events).toEqual(stored)
        expect(tail.failures).toEqual([])
        expect(tail.told).toEqual(Array.from({ length: rounds }, () => ['interrupted', 'resumed']).flat())
      }
    },
  )

  test('ends when NATS went back in time, and is another one when it is opened again', async () => {
    await using server = await startNats()
    using dir = tempDir()
    const url = `${server.url}?index=${join(dir.path, 'index')}`
    const log = await openNatsLog({ url })
    onTestFinished(() => log.close())
    await append(log, '1')
    await server.stop()
    server.backUp()
    await server.start()
    await expect.poll(() => append(log, '2'), { timeout: 20_000 }).toMatch(/^\d+$/)
    const { epoch } = await log.describe()
    const tail = await record(log)
    await server.stop()
    server.restore()
    await server.start()
    await expect.poll(() => tail.failures.length, { timeout: 20_000 }).toBe(1)
    expect(tail.failures[0]).toMatchObject({ code: 'replaced' })
    await expectRejection(log.append([{ topic: 'a', data: '' }]), 'replaced')
    await log.close()
    const again = await openNatsLog({ url })
    onTestFinished(() => again.close())
    expect((await again.describe()).epoch).not.toBe(epoch)
    expect((await readAll(again)).map(({ data }) => data)).toEqual(['1'])
    expect(await append(again, '3')).toMatch(/^\d+$/)
  })

  test('notices that NATS went back in time even if there are as many records as before', async () => {
    await using server = await startNats()
    using dir = tempDir()
    const url = `${server.url}?index=${join(dir.path, 'index')}`
    const log = await openNatsLog({ url })
    await append(log, '1')
    await server.stop()
    server.backUp()
    await server.start()
    await expect.poll(() => append(log, '2'), { timeout: 20_000 }).toMatch(/^\d+$/)
    const { epoch } = await log.describe()
    await log.close()
    await server.stop()
    server.restore()
    await server.start()
    await using other = await openNode(server.url)
    for (let i = 0; i < 5; i += 1) await append(other.log, `other ${i}`)
    const tail = await record(other.log)
    const again = await openNatsLog({ url })
    onTestFinished(() => again.close())
    expect((await again.describe()).epoch).not.toBe(epoch)
    expect(await readAll(again)).toHaveLength(6)
    // The readers of the other node have cursors of the same epoch.
    await expect.poll(() => tail.failures).toMatchObject([{ code: 'replaced' }])
  })

  test.skipIf(!ext4)('loses events in a power cut, as it warns, and notices', async () => {
    using disk = mountDiskImage(64 * 2 ** 20)!
    using dir = tempDir()
    const index = join(dir.path, 'index')
    const acknowledged: string[] = []
    let epoch: string
    let after: ReturnType<typeof disk.copy>
    {
      await using server = await startNats({ folder: disk.path })
      const log = await openNatsLog({ url: `${server.url}?index=${index}` })
      for (let i = 0; i < 50; i += 1) acknowledged.push(await append(log, `${i}`))
      // What reached the disk so far, rather than only the cache of the kernel.
      after = disk.copy()
      ;({ epoch } = await log.describe())
      await log.close()
    }
    using copy = after
    await using server = await startNats({ folder: copy.path })
    await using fresh = await openNode(server.url)
    expect((await readAll(fresh.log)).length).toBeLessThan(acknowledged.length)
    // The stream itself may be lost.
    const found = await openNatsLog({ url: `${server.url}?index=${index}` }).catch((error: LogError) => error)
    if (LogError.is(found)) {
      expect(found.code).toBe('foreign')
    } else {
      onTestFinished(() => found.close())
      expect((await found.describe()).epoch).not.toBe(epoch)
    }
  })

  test('does not open the index of a stream that was deleted, and leaves it alone', async () => {
    await using server = await startNats()
    using dir = tempDir()
    const url = `${server.url}?index=${join(dir.path, 'index')}`
    const log = await openNatsLog({ url })
    await append(log, '1')
    await log.close()
    await administer(server, ({ streams }) => streams.delete('tailrace'))
    const error = await expectRejection(openNatsLog({ url }), 'foreign')
    expect(error.message).toContain('belongs to another log')
  })

  test('has one consumer on NATS, however many listeners it has', async () => {
    await using server = await startNats()
    await using one = await openNode(server.url)
    await using two = await openNode(server.url)
    for (const { log } of [one, two]) {
      for (let i = 0; i < 100; i += 1) await record(log)
      await append(log, 'event')
    }
    interface Streams {
      readonly account_details: { stream_detail: { state: { consumer_count: number } }[] }[]
    }
    const consumers = async (): Promise<number> => {
      const { account_details: accounts } = (await server.monitor('/jsz?streams=true')) as Streams
      return accounts[0]!.stream_detail[0]!.state.consumer_count
    }
    expect(await consumers()).toBe(2)
    expect(await server.monitor('/connz')).toMatchObject({ num_connections: 2 })
    await two.log.close()
    await expect.poll(consumers, { timeout: 20_000 }).toBe(1)
  })

  test('refuses a batch that is too large for NATS, with its limit', async () => {
    await using server = await startNats({ config: 'max_payload: 64KB' })
    await using node = await openNode(server.url)
    const error = await expectRejection(
      node.log.append([{ topic: 'a', data: 'x'.repeat(70_000) }]),
      'too-large',
    )
    expect(error.details).toMatchObject({ limit: 65_536 })
    expect(await append(node.log, 'small')).toMatch(/^\d+$/)
  })

  test('refuses publishes while NATS is full, and accepts them once it has room', async () => {
    await using server = await startNats({ jetStream: 'max_file_store: 1MB' })
    await using node = await openNode(server.url)
    const data = 'x'.repeat(100_000)
    const outcomes: string[] = []
    while (!outcomes.includes('full') && outcomes.length < 20) outcomes.push(await append(node.log, data))
    expect(outcomes.at(-1)).toBe('full')
    expect(await readAll(node.log)).toHaveLength(outcomes.length - 1)
    await server.stop()
    await server.start({ jetStream: 'max_file_store: 10MB' })
    await becomesReady(node.log)
    expect(await append(node.log, data)).toMatch(/^\d+$/)
    expect(await readAll(node.log)).toHaveLength(outcomes.length)
  })

  test('gives its space back to NATS once retention has removed enough', async () => {
    await using server = await startNats()
    await using node = await openNode(server.url)
    const data = 'x'.repeat(500_000)
    // Records are removed that were superfluous one checkpoint ago, so that a node may be away for a while.
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 40; i += 1) await append(node.log, data)
      for (let isDone = false; !isDone;) {
        ;({ done: isDone } = await node.log.retention.trim([{ selector: '**', maxCount: 1 }], Date.now()))
      }
    }
    const { state } = await administer(server, ({ streams }) => streams.info('tailrace'))
    expect(state.first_seq).toBeGreaterThan(40)
    expect(state.bytes).toBeLessThan(30_000_000)
    await using fresh = await openNode(server.url)
    const events = await readAll(fresh.log)
    expect(events).toHaveLength(1)
    expect(events).toEqual(await readAll(node.log))
  })

  test('skips what others wrote into its stream, and says so', async () => {
    await using server = await startNats()
    const warnings: string[] = []
    await using node = await openNode(server.url, { warn: (sentence) => warnings.push(sentence) })
    await append(node.log, '1')
    await administer(server, async (manager) => {
      const { config } = await manager.streams.info('tailrace')
      await manager.jetstream().publish(config.subjects[0]!, 'not ours')
    })
    await append(node.log, '2')
    const events = await readAll(node.log)
    expect(events.map(({ data }) => data)).toEqual(['1', '2'])
    expect(warnings.join()).toContain('was not written by Tailrace')
  })
})
