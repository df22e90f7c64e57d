import { join } from 'node:path'

import type { CompleteEventLog } from '@tailrace/log'
import { openKafkaLog } from '@tailrace/log-kafka'
import { expectRejection } from '@tailrace/log-suite'
import { needs, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { startCluster, type Cluster } from './cluster.ts'
import { readAll, recordTail } from './tails.ts'

const kafka = needs('kafka')
/** One for commands, and one that waits for records. */
const CONNECTIONS = 2
/** More than a broker may take to answer. */
const BUSY_MS = 6_500

describe.skipIf(!kafka)('a Kafka log', () => {
  const dir = tempDir()
  let cluster: Cluster
  let topic: string
  beforeAll(async () => {
    cluster = await startCluster()
  }, 60_000)
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    dir[Symbol.dispose]()
  })
  beforeEach(() => {
    topic = cluster.newTopic()
  })

  const open = (far?: 'far'): Promise<CompleteEventLog> =>
    openKafkaLog({ url: `${cluster.url(topic, far)}?index=${join(dir.path, topic, far ?? 'near')}` })
  const publish = async (log: CompleteEventLog, data: string): Promise<number> => {
    const [appended] = await log.append([{ topic: 'a', data }])
    return appended!.offset
  }

  test('opens while its broker cannot be reached, says why, and becomes ready', async () => {
    cluster.proxy.refuse(true)
    const log = await open('far')
    const error = await expectRejection(log.ready(), 'unreachable')
    expect(error.message).toContain(`127.0.0.1:${cluster.proxy.port}`)
    await expectRejection(publish(log, '1'), 'unreachable')
    cluster.proxy.refuse(false)
    await vi.waitUntil(
      () =>
        log.ready().then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    )
    expect(await publish(log, '2')).toBeGreaterThan(0)
    await log.close()
  })

  test('is interrupted within seconds by a network that drops everything, and continues', async () => {
    const [log, other] = [await open('far'), await open()]
    const tail = await recordTail(log)
    cluster.proxy.pauseAll()
    await tail.until(1)
    expect(tail.interruptions[0]).toMatchObject({ code: 'unreachable' })
    await publish(other, '1')
    cluster.proxy.resumeAll()
    await tail.until(2)
    await tail.reach(await publish(log, '2'))
    expect(tail.events.map(({ data }) => data)).toEqual(['1', '2'])
    await Promise.all([log.close(), other.close()])
  })

  test('is interrupted while its broker restarts, and continues', async () => {
    const log = await open()
    const tail = await recordTail(log)
    const first = await publish(log, '1')
    await cluster.kafka.stop()
    await tail.until(1)
    await cluster.kafka.start()
    await tail.until(2)
    expect(await publish(log, '2')).toBeGreaterThan(first)
    await vi.waitUntil(() => tail.events.length === 2, { timeout: 20_000 })
    expect(tail.events.map(({ data }) => data)).toEqual(['1', '2'])
    await log.close()
  })

  test('has two connections to the broker, whatever the number of its tails', async () => {
    const log = await open('far')
    await log.ready()
    expect(cluster.proxy.connections()).toBe(CONNECTIONS)
    const tails = await Promise.all(Array.from({ length: 50 }, () => recordTail(log)))
    const offset = await publish(log, '1')
    await Promise.all(tails.map((tail) => tail.reach(offset)))
    expect(cluster.proxy.connections()).toBe(CONNECTIONS)
    await log.close()
    await expect.poll(() => cluster.proxy.connections()).toBe(0)
  })

  test('is not interrupted because its own process was busy for longer', async () => {
    const log = await open()
    const tail = await recordTail(log)
    const described = log.describe()
    for (const end = performance.now() + BUSY_MS; performance.now() < end;);
    await described
    await tail.reach(await publish(log, '1'))
    expect(tail.interruptions).toEqual([])
    await log.close()
  })

  test('gives its space back to Kafka once retention has removed enough', async () => {
    const log = await open()
    const data = 'x'.repeat(500_000)
    // Records are deleted that were superfluous one checkpoint ago, so that a node may be away for a while.
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 40; i += 1) await publish(log, data)
      for (let isDone = false; !isDone;) {
        ;({ done: isDone } = await log.retention.trim([{ selector: '**', maxCount: 1 }], Date.now()))
      }
    }
    const sequencer = await cluster.connect(topic)(new AbortController().signal)
    expect((await sequencer.describe()).oldest).toBeGreaterThan(40)
    await sequencer.close()
    const other = await open('far')
    expect(await readAll(other)).toHaveLength(1)
    expect(await readAll(other)).toEqual(await readAll(log))
    await Promise.all([log.close(), other.close()])
  })
})
