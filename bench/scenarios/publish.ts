import { hubsOnly } from '../peer.ts'
import { publish } from '../load/publish.ts'
import { EVENT_DATA } from '../measure.ts'
import type { Figures, Scenario, Trial } from '../scenario.ts'
import { cpuMicros } from '../usage.ts'

const CONNECTIONS = [1, 16, 64]

export const publishing: Scenario = {
  name: 'publish',
  title: 'Acknowledged publishes',
  describe: (size) =>
    `Single events of 100 B, each connection posts when it has its answer, for ${size.pick(2, 1)} s; no readers. Only figures of the same durability compare.`,
  columns: [
    ...CONNECTIONS.map((n) => ({
      key: `perSecond${n}`,
      title: `/s, ${n} publishers`,
      digits: 0,
      isPlotted: n === 64,
    })),
    ...CONNECTIONS.map((n) => ({ key: `p99Ms${n}`, title: `ack p99 ms, ${n}`, digits: 2 })),
    { key: 'cpuMicros64', title: 'CPU µs each, 64', digits: 1 },
  ],
  excludes: hubsOnly,
  run: acknowledged,
}

async function acknowledged({ peer, place, size }: Trial): Promise<Figures> {
  await using server = await peer.start(place)
  const request = peer.publish(place, 'ledger', EVENT_DATA)
  await publish(request, { connections: 64, rate: 0, seconds: size.pick(2, 0.5) })
  const figures: Record<string, number> = {}
  for (const connections of CONNECTIONS) {
    const before = cpuMicros(server.pids())
    const report = await publish(request, { connections, rate: 0, seconds: size.pick(2, 1) })
    figures[`cpuMicros${connections}`] = (cpuMicros(server.pids()) - before) / report.acked
    if (report.errors > 0) throw new Error(`${report.errors} publishes were refused`)
    figures[`perSecond${connections}`] = report.perSecond
    figures[`p99Ms${connections}`] = report.latency.quantileMs(0.99)
  }
  return figures
}
