import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

import type { CompleteEventLog } from '@tailrace/log'
import { openKafkaLog } from '@tailrace/log-kafka'
import { needs, SHORT_SESSION, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

import { startCluster } from './cluster.ts'
import { readAll, recordTail } from './tails.ts'

const kafka = needs('kafka')
const EVENTS = 10
/** Less than Kafka stores for two of the events, and more than for one. */
const LOST_BYTES = 300

test.skipIf(!kafka)(
  'a log whose broker lost acknowledged events in a power cut is another one, whether or not others took their places',
  { timeout: 120_000 },
  async () => {
    await using cluster = await startCluster(SHORT_SESSION)
    using dir = tempDir()
    const [short, regrown] = [cluster.newTopic(), cluster.newTopic()]
    const open = (topic: string, node: string): Promise<CompleteEventLog> =>
      openKafkaLog({ url: `${cluster.url(topic)}?index=${join(dir.path, node)}` })
    async function publish(log: CompleteEventLog, count: number): Promise<void> {
      for (let i = 0; i < count; i += 1) await log.append([{ topic: 'a', data: `${i}`.padStart(10) }])
    }

    const epochOf = async (log: CompleteEventLog): Promise<string> => (await log.describe()).epoch

    const logs = [await open(short, 'a'), await open(regrown, 'a')]
    const tails = await Promise.all(logs.map(recordTail))
    for (const log of logs) await publish(log, EVENTS)
    for (const tail of tails) await expect.poll(() => tail.events.length).toBe(EVENTS)
    const before = await readAll(logs[0]!)
    const epochs = await Promise.all(logs.map(epochOf))
    await logs[1]!.close()

    await cluster.kafka.stop('SIGKILL')
    for (const topic of [short, regrown]) {
      const segment = join(cluster.kafka.data, `${topic}-0`, '00000000000000000000.log')
      truncateSync(segment, statSync(segment).size - LOST_BYTES)
    }
    await cluster.kafka.start()

    await expect.poll(() => tails[0]!.failures).toMatchObject([{ code: 'replaced' }])
    expect(tails[0]!.events).toEqual(before)
    await logs[0]!.close()
    const renewed = await open(short, 'a')
    expect(await epochOf(renewed)).not.toBe(epochs[0])
    const left = await readAll(renewed)
    expect(left).toEqual(before.slice(0, left.length))
    expect(left.length).toBeLessThan(EVENTS)
    await publish(renewed, 1)
    await renewed.close()

    const other = await open(regrown, 'new')
    expect((await readAll(other)).length).toBeLessThan(EVENTS)
    await publish(other, EVENTS)
    expect(await epochOf(other)).toBe(epochs[1])
    const otherTail = await recordTail(other)
    const again = await open(regrown, 'a')
    expect(await epochOf(again)).not.toBe(epochs[1])
    await expect.poll(() => otherTail.failures).toMatchObject([{ code: 'replaced' }])
    for (const log of [other, again]) await log.close()
  },
)
