import { publish } from '../../load/publish.ts'
import { EVENT_DATA } from '../../measure.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { cpuMicros } from '../../usage.ts'
import { bareWrites } from '../bare/measure.ts'
import { type Fleet, placeOf } from '../fleet.ts'

const CONNECTIONS = [1, 16, 64]
const seconds = (size: Size) => size.pick(2, 1)

export const enginePublish: Scenario<Fleet> = {
  name: 'engine-publish',
  title: 'Durable publishes through one hub',
  describe: (size) =>
    `Single events of 100 B for ${seconds(size)} s, each connection posts when it has its answer; no readers. Next to it, what a Node program writes with the engine's own client to the same server, as simply as possible (\`XADD\`; \`INSERT\` in its own transaction; JetStream \`publish\`; \`produce\` with acks=all), with as many connections, each with one write in flight; and last, with one connection and 64 writes in flight.`,
  columns: [
    ...CONNECTIONS.flatMap((n) => [
      { key: `perSecond${n}`, title: `/s, ${n}`, digits: 0 },
      { key: `bare${n}`, title: `bare /s, ${n}`, digits: 0 },
    ]),
    { key: 'pipelined64', title: 'bare /s, 64 in flight', digits: 0 },
    { key: 'p99Ms64', title: 'ack p99 ms, 64', digits: 2 },
    { key: 'hubMicros64', title: 'hub CPU µs each, 64', digits: 1 },
    { key: 'engineMicros64', title: 'engine CPU µs each, 64', digits: 1 },
  ],
  excludes: ({ bare }) => (bare === undefined ? 'keeps no durable log' : undefined),
  run: throughOneHub,
}

async function throughOneHub({ peer, place, size }: Trial<Fleet>): Promise<Figures> {
  const { bare = '' } = peer
  await using engine = await peer.startEngine()
  const at = placeOf(place, 0)
  await using hub = await peer.startNode(at, engine)
  const request = peer.publish(at, 'ledger', EVENT_DATA)
  await publish(request, { connections: 64, rate: 0, seconds: size.pick(2, 0.5) })
  const figures: Record<string, number> = {}
  for (const connections of CONNECTIONS) {
    const work = { connections, callers: connections, seconds: seconds(size) }
    const pids = { hub: hub.pids(), engine: engine.pids() }
    const before = { hub: cpuMicros(pids.hub), engine: cpuMicros(pids.engine) }
    const report = await publish(request, { connections, rate: 0, seconds: seconds(size) })
    if (report.errors > 0) throw new Error(`${report.errors} publishes were refused`)
    figures[`hubMicros${connections}`] = (cpuMicros(pids.hub) - before.hub) / report.acked
    figures[`engineMicros${connections}`] = (cpuMicros(pids.engine) - before.engine) / report.acked
    figures[`perSecond${connections}`] = report.perSecond
    figures[`p99Ms${connections}`] = report.latency.quantileMs(0.99)
    figures[`bare${connections}`] = await bareWrites(bare, engine.url, work)
  }
  const pipelined = { connections: 1, callers: 64, seconds: seconds(size) }
  figures['pipelined64'] = await bareWrites(bare, engine.url, pipelined)
  return figures
}
