// What reads would cost if JetStream served them itself: one subject for each topic and key, and a filtered consumer for
// each page. Run: node --conditions=@tailrace/source packages/log-nats/bench/without-index.ts
import { join } from 'node:path'

import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  jetstreamManager,
  type ConsumerConfig,
  type JetStreamClient,
  type JetStreamManager,
} from '@nats-io/jetstream'
import { connect, nanos } from '@nats-io/transport-node'
import { openSqliteLog, type CompleteEventLog } from '@tailrace/log'
import { startNats, tempDir } from '@tailrace/testkit'

const TOPICS = 1_000
const EVENTS_PER_TOPIC = 200
const KEYS_PER_TOPIC = 50
const PAGE = 100
const READS = 200
const AT_ONCE = 16
const DATA = 'x'.repeat(100)
const STREAM = 'events'

const topicOf = (i: number): number => i % TOPICS
const keyOf = (i: number): number => Math.floor(i / TOPICS) % KEYS_PER_TOPIC

async function fillStream(js: JetStreamClient): Promise<void> {
  const total = TOPICS * EVENTS_PER_TOPIC
  for (let i = 0; i < total; i += TOPICS) {
    const batch = Array.from({ length: TOPICS }, (_, j) => i + j)
    await Promise.all(batch.map((n) => js.publish(`e.${topicOf(n)}.${keyOf(n)}`, DATA, { timeout: 20_000 })))
  }
}

async function fillIndex(log: CompleteEventLog): Promise<void> {
  const total = TOPICS * EVENTS_PER_TOPIC
  for (let i = 0; i < total; i += TOPICS) {
    await log.append(
      Array.from({ length: TOPICS }, (_, j) => ({
        topic: `e/${topicOf(i + j)}`,
        key: `${keyOf(i + j)}`,
        data: DATA,
      })),
    )
  }
}

/** One page through a consumer of its own, as each reader is elsewhere. */
async function readStream(
  manager: JetStreamManager,
  js: JetStreamClient,
  config: Partial<ConsumerConfig>,
  count: number,
): Promise<void> {
  const { name } = await manager.consumers.add(STREAM, {
    ack_policy: AckPolicy.None,
    mem_storage: true,
    inactive_threshold: nanos(5_000),
    ...config,
  })
  const consumer = await js.consumers.get(STREAM, name)
  let received = 0
  for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) {
    received += message.data.length > 0 ? 1 : 0
  }
  await consumer.delete()
  if (received !== count) throw new Error(`${received} of ${count} messages`)
}

async function measure(what: string, read: (i: number) => Promise<void>): Promise<void> {
  const times: number[] = []
  const started = performance.now()
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < READS) {
        const i = (next += 1)
        const at = performance.now()
        await read(i)
        times.push(performance.now() - at)
      }
    }),
  )
  const seconds = (performance.now() - started) / 1000
  times.sort((a, b) => a - b)
  const [p50, p99] = [0.5, 0.99].map((q) => times[Math.floor(times.length * q)]!.toFixed(1))
  console.log(`${what}: ${Math.round(READS / seconds)} pages/s, p50 ${p50} ms, p99 ${p99} ms`)
}

using dir = tempDir()
await using server = await startNats()
const connection = await connect({ servers: server.url, noAsyncTraces: true })
const manager = await jetstreamManager(connection)
const js = jetstream(connection)
await manager.streams.add({ name: STREAM, subjects: ['e.*.*'] })
await fillStream(js)
const log = await openSqliteLog({ path: join(dir.path, 'index.db') })
await fillIndex(log)

const middle = (TOPICS * EVENTS_PER_TOPIC) / 2
await measure('history of a topic, filtered by JetStream', (i) =>
  readStream(
    manager,
    js,
    {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: middle + 1,
      filter_subject: `e.${topicOf(i)}.*`,
    },
    PAGE,
  ),
)
await measure('history of a topic, from the index', async (i) => {
  const selectors = [`e/${topicOf(i)}`]
  const { events } = await log.read({ selectors, after: middle, limit: PAGE, maxBytes: 2 ** 20 })
  if (events.length !== PAGE) throw new Error(`${events.length} events`)
})
await measure('newest of each key, filtered by JetStream', (i) =>
  readStream(
    manager,
    js,
    { deliver_policy: DeliverPolicy.LastPerSubject, filter_subject: `e.${topicOf(i)}.*` },
    KEYS_PER_TOPIC,
  ),
)
await measure('newest of each key, from the index', async (i) => {
  const selectors = [`e/${topicOf(i)}`]
  const { events } = await log.snapshots.read({ selectors, after: 0, limit: PAGE, maxBytes: 2 ** 20 })
  if (events.length !== KEYS_PER_TOPIC) throw new Error(`${events.length} events`)
})

async function memory(): Promise<number> {
  return ((await server.monitor('/varz')) as { mem: number }).mem
}
await manager.streams.add({ name: 'ids', subjects: ['ids'], duplicate_window: nanos(24 * 3_600_000) })
const before = await memory()
const ids = 200_000
for (let i = 0; i < ids; i += 2_000) {
  const batch = Array.from({ length: 2_000 }, (_, j) => `publisher-${i + j}-2b6f1c9e`)
  await Promise.all(batch.map((msgID) => js.publish('ids', DATA, { msgID, timeout: 20_000 })))
}
console.log(`memory of NATS for each idempotency key: ${Math.round(((await memory()) - before) / ids)} bytes`)
await log.close()
await connection.close()
