import { statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'

import type { Consumer, Sequencer } from '@tailrace/log-sequencer'
import { expectRejection } from '@tailrace/log-suite'
import { needs } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startCluster, type Cluster } from './cluster.ts'

const kafka = needs('kafka')
const NEVER = new AbortController().signal
const RECORDS = 10
/** A batch of one record of 100 bytes is longer, so this cuts off two. */
const LOST_BYTES = 200

/** Resolves once a number of records have arrived. */
async function receive(sequencer: Sequencer, count: number): Promise<void> {
  let received = 0
  await new Promise<void>((resolve) => {
    const consumer: Consumer = {
      async records(records) {
        received += records.length
        if (received >= count) resolve()
      },
    }
    void sequencer.consume(0, consumer)
  })
}

describe.skipIf(!kafka)('after a power cut, a Kafka broker that has lost acknowledged records', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  /** What a power cut does to a broker that had not written everything to disk. */
  async function cutPower(topic: string): Promise<void> {
    await cluster.kafka.stop('SIGKILL')
    const segment = join(cluster.kafka.data, `${topic}-0`, '00000000000000000000.log')
    truncateSync(segment, statSync(segment).size - LOST_BYTES)
    await cluster.kafka.start()
  }

  test.each([
    ['is noticed', 0],
    ['is noticed when others have taken their places', RECORDS],
  ])('%s', async (_, later) => {
    const topic = cluster.newTopic()
    const connect = cluster.connect(topic)
    const sequencer = await connect(NEVER)
    for (let i = 0; i < RECORDS; i += 1) await sequencer.append(new Uint8Array(100))
    await receive(sequencer, RECORDS)
    await cutPower(topic)
    expect(await sequencer.lost).toMatchObject({ code: 'unreachable' })
    await sequencer.close()

    const other = await cluster.connect(topic)(NEVER)
    expect((await other.describe()).newest).toBe(RECORDS - 2)
    for (let i = 0; i < later; i += 1) await other.append(new Uint8Array(100))
    await other.close()

    const again = await connect(NEVER)
    await again.consume(RECORDS, {
      async records() {
        throw new Error('reported records of another past')
      },
    })
    expect(await again.lost).toMatchObject({ code: 'replaced' })
    await again.close()
    const error = await expectRejection(connect(NEVER), 'replaced')
    expect(error.message).toContain('went back in time')
  })
})
