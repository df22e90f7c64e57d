import { fanOutFigures } from '../../fan-out.ts'
import { publish } from '../../load/publish.ts'
import { openReaders } from '../../load/readers.ts'
import { EVENT_DATA, measure, warmUp } from '../../measure.ts'
import { type Figures, type Scenario, type Size, type Trial } from '../../scenario.ts'
import { mostDeliveries } from '../../scenarios/saturation.ts'
import type { ServerProcess } from '../../server-process.ts'
import { cpuMicros } from '../../usage.ts'

const READERS = 500
/** One process keeps up with the first, and nothing on two cores with the last. */
const RATES = [3000, 6000, 9000]
const QUIET = { readers: 50, rate: 200 }
const PUBLISHERS = 64
const ASKED: ReadonlySet<string> = new Set(
  ['tailrace', 'tailrace-memory'].flatMap((name) => [name, `${name}-workers`]),
)
const quietSeconds = (size: Size) => size.pick(4, 1)
const publishSeconds = (size: Size) => size.pick(2, 1)

export const workers: Scenario = {
  name: 'workers',
  title: 'Several worker processes',
  describe: (size) =>
    `With one process and with several, whose owner has the log. Quiet: ${QUIET.rate} events/s of 100 B to ${QUIET.readers} readers for ${quietSeconds(size)} s. Then ${PUBLISHERS} publishers without readers for ${publishSeconds(size)} s. Then ${READERS} readers and ${RATES.map((rate) => rate.toLocaleString('en')).join(', ')} events/s until less arrives in time than is sent; the most that arrived. CPU is that of all processes of the hub.`,
  columns: [
    { key: 'p50Ms', title: 'quiet p50 ms', digits: 2 },
    { key: 'p99Ms', title: 'quiet p99 ms', digits: 2 },
    { key: 'publishes', title: 'publishes/s', digits: 0 },
    { key: 'publishMicros', title: 'CPU µs each', digits: 1 },
    { key: 'perSecond', title: 'deliveries/s', digits: 0, isPlotted: true },
    { key: 'cpuMicros', title: 'CPU µs per delivery', digits: 2 },
    { key: 'generatorMicros', title: 'generator µs per delivery', digits: 2 },
    { key: 'busy', title: 'hub’s CPU % of a core', digits: 0 },
    { key: 'othersCpu', title: 'others’ CPU %', digits: 0 },
  ],
  excludes: ({ name }) => (ASKED.has(name) ? undefined : 'not asked'),
  run: compare,
}

async function compare(trial: Trial): Promise<Figures> {
  const { peer, place, size } = trial
  await using server = await peer.start(place)
  const quiet = await quietly(server, trial)
  const request = peer.publish(place, 'ledger', EVENT_DATA)
  await publish(request, { connections: PUBLISHERS, rate: 0, seconds: size.pick(1, 0.3) })
  const before = cpuMicros(server.pids())
  const published = await publish(request, {
    connections: PUBLISHERS,
    rate: 0,
    seconds: publishSeconds(size),
  })
  const publishMicros = (cpuMicros(server.pids()) - before) / published.acked
  const most = await mostDeliveries(server, trial, {
    rates: RATES,
    seconds: size.pick(1.5, 0.5),
    count: READERS,
    warmUp: { rate: 1000, seconds: size.pick(1, 0.3) },
  })
  return {
    ...most,
    p50Ms: quiet['p50Ms'] ?? Number.NaN,
    p99Ms: quiet['p99Ms'] ?? Number.NaN,
    publishes: published.perSecond,
    publishMicros,
  }
}

async function quietly(server: ServerProcess, { peer, place, size }: Trial): Promise<Figures> {
  await using readers = await openReaders(peer.subscribe(place, 'quiet'), { count: QUIET.readers })
  const load = { ...QUIET, request: peer.publish(place, 'quiet', EVENT_DATA), connections: 16 }
  await warmUp(readers, { ...load, seconds: size.pick(1, 0.3) })
  const work = { ...load, seconds: quietSeconds(size) }
  return fanOutFigures(work, await measure(server, readers, work))
}
