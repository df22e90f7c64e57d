import { setTimeout as sleep } from 'node:timers/promises'
import { openReaders, type Readers } from '../../load/readers.ts'
import { whilePublishing } from '../../load/publish.ts'
import { EVENT_DATA } from '../../measure.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { sentBytes } from '../engines/sockets.ts'
import type { Engine } from '../engines/engine.ts'
import { type Fleet, logsOnly, placeOf } from '../fleet.ts'

const KIB = 1024
const TOPICS = 10
const RATE = 50
const MANY = 1000
const seconds = (size: Size) => size.pick(2, 1)

export const oneTail: Scenario<Fleet> = {
  name: 'one-tail',
  title: 'One tail, whatever the number of readers',
  describe: (size) =>
    `What one node costs its engine with one reader and with ${MANY.toLocaleString('en')} readers of ${TOPICS} topics, while ${RATE} events/s arrive, over ${seconds(size)} s, by the engine's own counters. Connections: \`connected_clients\` of Redis, \`pg_stat_activity\` of PostgreSQL, \`/varz\` of NATS, the kernel's list for Kafka. Waiting for what is new: \`blocked_clients\` of Redis, consumers of NATS (\`/jsz\`). Reads: calls of \`XREAD\` and \`XRANGE\` of Redis, committed transactions of PostgreSQL (those of publishes and of the bench too), messages sent by NATS (responses to publishes too), requests of type Fetch of Kafka. Sent bytes are those of the engine's sockets, as the kernel counts them.`,
  columns: [
    { key: 'connections1', title: 'connections, 1', digits: 0 },
    { key: 'connectionsMany', title: 'connections, 1,000', digits: 0 },
    { key: 'waiting1', title: 'waiting, 1', digits: 0 },
    { key: 'waitingMany', title: 'waiting, 1,000', digits: 0 },
    { key: 'reads1', title: 'reads/s, 1', digits: 1 },
    { key: 'readsMany', title: 'reads/s, 1,000', digits: 1 },
    { key: 'sent1', title: 'sent KiB/s, 1', digits: 1 },
    { key: 'sentMany', title: 'sent KiB/s, 1,000', digits: 1 },
  ],
  excludes: logsOnly,
  run: oneAndMany,
}

async function oneAndMany({ peer, place, size }: Trial<Fleet>): Promise<Figures> {
  await using engine = await peer.startEngine()
  const at = placeOf(place, 0)
  await using hub = new AsyncDisposableStack()
  hub.use(await peer.startNode(at, engine))
  const load = { rate: RATE, connections: 4, seconds: 600 }
  return await whilePublishing(peer.publish(at, 'topic-0', EVENT_DATA), load, async () => {
    await using all = new AsyncDisposableStack()
    const open = async (topic: number, count: number): Promise<Readers> =>
      all.use(await openReaders(peer.subscribe(at, `topic-${topic}`), { count }))
    await open(0, 1)
    await sleep(size.pick(1000, 500))
    const one = await costs(engine, seconds(size))
    for (let topic = 0; topic < TOPICS; topic++) await open(topic, MANY / TOPICS)
    await sleep(size.pick(1000, 500))
    const many = await costs(engine, seconds(size))
    return {
      connections1: one.connections,
      connectionsMany: many.connections,
      waiting1: one.waiting,
      waitingMany: many.waiting,
      reads1: one.reads,
      readsMany: many.reads,
      sent1: one.sentKib,
      sentMany: many.sentKib,
    }
  })
}

async function costs(engine: Engine, over: number) {
  const before = { ...(await engine.counters()), sent: await sentBytes(engine.port) }
  await sleep(over * 1000)
  const after = { ...(await engine.counters()), sent: await sentBytes(engine.port) }
  return {
    connections: after.connections,
    waiting: Math.max(before.waiting, after.waiting),
    reads: (after.reads - before.reads) / over,
    sentKib: (after.sent - before.sent) / KIB / over,
  }
}
