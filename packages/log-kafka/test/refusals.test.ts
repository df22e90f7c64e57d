import { join } from 'node:path'

import { createTopicsV7, ProduceAcks, produceV9 } from '@platformatic/kafka'
import { openKafkaLog } from '@tailrace/log-kafka'
import { expectRejection } from '@tailrace/log-suite'
import { needs, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ask, startCluster, type Cluster } from './cluster.ts'
import { readAll } from './tails.ts'

const kafka = needs('kafka')
const NEVER = new AbortController().signal

describe.skipIf(!kafka)('a Kafka topic', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
  }, 60_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  async function createTopic(numPartitions: number, settings: Record<string, string> = {}): Promise<string> {
    const name = cluster.newTopic()
    const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
    const topic = { name, numPartitions, replicationFactor: 1, assignments: [], configs }
    await ask(cluster.kafka, (broker) => broker.call(createTopicsV7.api, [topic], 4_000, false))
    return name
  }

  async function warningsOf(topic: string): Promise<string[]> {
    const warnings: string[] = []
    const sequencer = await cluster.connect(topic, undefined, {
      warn: (sentence) => warnings.push(sentence),
    })(NEVER)
    await sequencer.close()
    return warnings
  }

  test('with several partitions is refused, and left as it is', async () => {
    const topic = await createTopic(3)
    const error = await expectRejection(cluster.connect(topic)(NEVER), 'foreign')
    expect(error.message).toContain(`"${topic}" has 3 partitions`)
    expect(error.message).toContain('Name another topic')
    expect(error.details).toEqual({ topic, partitions: 3 })
  })

  test('that Kafka compacts is refused, with the command that changes it', async () => {
    const topic = await createTopic(1, { 'cleanup.policy': 'compact,delete' })
    const error = await expectRejection(cluster.connect(topic)(NEVER), 'incompatible')
    expect(error.message).toContain(
      `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config cleanup.policy=delete`,
    )
  })

  test('that one broker holds in memory could lose acknowledged events', async () => {
    const topic = cluster.newTopic()
    const [warning, ...others] = await warningsOf(topic)
    expect(warning).toContain('(replicas=1, min.insync.replicas=1)')
    expect(warning).toContain('flush.messages=1')
    expect(others).toEqual([])
    await cluster.configure(topic, { 'flush.messages': '1' })
    expect(await warningsOf(topic)).toEqual([])
  })

  test('that loses events by its own settings is named with each of them', async () => {
    const settings = {
      'flush.messages': '1',
      'retention.bytes': '1000000',
      'retention.ms': '604800000',
      'unclean.leader.election.enable': 'true',
    }
    const topic = await createTopic(1, settings)
    const warnings = await warningsOf(topic)
    expect(warnings).toHaveLength(3)
    expect(warnings[0]).toContain('a broker that lacks acknowledged events can take over')
    expect(warnings[1]).toContain('Kafka removes events by itself')
    expect(warnings[2]).toContain('--add-config retention.bytes=-1')
    const strict = cluster.connect(topic, undefined, { requireDurable: true })
    const error = await expectRejection(strict(NEVER), 'not-durable')
    expect(error.details).toEqual({ hazards: 3 })
  })

  test('is not created with more copies than there are brokers; that may change', async () => {
    const { kafka: broker, newTopic } = cluster
    const topic = newTopic()
    const connect = cluster.connect(`${topic}?replicas=3`)
    const error = await expectRejection(connect(NEVER), 'unwritable')
    expect(error.message).toContain('INVALID_REPLICATION_FACTOR')
    expect(broker.output()).not.toContain('ERROR')
  })

  /** Some program that knows nothing of Tailrace. */
  function produce(topic: string, ...values: string[]): Promise<void> {
    const records = values.map((value) => ({ topic, value: Buffer.from(value) }))
    return ask(cluster.kafka, (broker) => broker.call(produceV9.api, ProduceAcks.ALL, 4_000, records))
  }

  test('that others write to is refused, and left as it is', async () => {
    using dir = tempDir()
    const topic = await createTopic(1)
    await produce(topic, '{"order":1}', '{"order":2}')
    const error = await expectRejection(
      openKafkaLog({ url: `${cluster.url(topic)}?index=${dir.path}` }),
      'foreign',
    )
    expect(error.details).toEqual({ records: 2 })
    const sequencer = await cluster.connect(topic)(NEVER)
    expect((await sequencer.describe()).newest).toBe(2)
    await sequencer.close()
  })

  test('that holds a log keeps it when others write to it: their records are skipped, with a warning', async () => {
    using dir = tempDir()
    const warnings: string[] = []
    const topic = cluster.newTopic()
    const url = `${cluster.url(topic)}?index=${dir.path}`
    const log = await openKafkaLog({ url, warn: (sentence) => warnings.push(sentence) })
    await log.append([{ topic: 'a', data: '1' }])
    await produce(topic, 'spam', '{"tailrace":', '')
    await log.append([{ topic: 'a', data: '2' }])
    expect((await readAll(log)).map(({ data }) => data)).toEqual(['1', '2'])
    expect(warnings.filter((sentence) => sentence.includes('not written by Tailrace'))).toHaveLength(1)
    await log.close()
  })

  test('is not read with the index of another one, which stays as it is', async () => {
    using dir = tempDir()
    const topic = cluster.newTopic()
    const open = () => openKafkaLog({ url: `${cluster.url(topic)}?index=${dir.path}` })
    const log = await open()
    await log.append([{ topic: 'a', data: '1' }])
    await log.close()
    await cluster.remove(topic)
    const error = await expectRejection(open(), 'foreign')
    expect(error.message).toContain(join(dir.path, `${topic}.db`))
  })
})
