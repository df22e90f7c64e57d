import { publish } from '../../load/publish.ts'
import { EVENT_DATA } from '../../measure.ts'
import type { Figures, Scenario, Trial } from '../../scenario.ts'
import { cpuMicros } from '../../usage.ts'

const EVENTS = 100
const CONNECTIONS = [1, 16]

export const batches: Scenario = {
  name: 'batches',
  title: 'Batches',
  describe: (size) =>
    `Requests that publish ${EVENTS} events of 100 B each; each connection posts when it has its answer, for ${size.pick(2, 0.5)} s; no readers. Only figures of the same durability compare.`,
  columns: [
    ...CONNECTIONS.map((n) => ({ key: `perSecond${n}`, title: `events/s, ${n} publishers`, digits: 0 })),
    ...CONNECTIONS.map((n) => ({ key: `p99Ms${n}`, title: `ack p99 ms, ${n}`, digits: 2 })),
    ...CONNECTIONS.map((n) => ({ key: `cpuMicros${n}`, title: `CPU µs per event, ${n}`, digits: 2 })),
  ],
  maxRuns: 1,
  excludes: ({ publishBatch }) => (publishBatch === undefined ? 'has no batches' : undefined),
  run: acknowledged,
}

async function acknowledged({ peer, place, size }: Trial): Promise<Figures> {
  const request = peer.publishBatch?.(place, 'ledger', Array<string>(EVENTS).fill(EVENT_DATA))
  if (request === undefined) throw new Error('has no batches')
  await using server = await peer.start(place)
  await publish(request, { connections: 16, rate: 0, seconds: size.pick(1, 0.3) })
  const figures: Record<string, number> = {}
  for (const connections of CONNECTIONS) {
    const before = cpuMicros(server.pids())
    const report = await publish(request, { connections, rate: 0, seconds: size.pick(2, 0.5) })
    if (report.errors > 0) throw new Error(`${report.errors} batches were refused`)
    figures[`cpuMicros${connections}`] = (cpuMicros(server.pids()) - before) / (report.acked * EVENTS)
    figures[`perSecond${connections}`] = report.perSecond * EVENTS
    figures[`p99Ms${connections}`] = report.latency.quantileMs(0.99)
  }
  return figures
}
