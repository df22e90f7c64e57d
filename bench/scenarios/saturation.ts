import { fanOutFigures } from '../fan-out.ts'
import { openReaders, type Readers } from '../load/readers.ts'
import { EVENT_DATA, measure, warmUp } from '../measure.ts'
import type { WireRequest } from '../peer.ts'
import { type Figures, READER_PROCESSES, type Scenario, type Trial } from '../scenario.ts'
import type { ServerProcess } from '../server-process.ts'

const READERS = 500
const RATES = [250, 500, 1000, 1500, 2000, 3000, 4000, 6000, 8000]
/** How far a hub may fall short of the rate before it counts as saturated: the last events of a step are in flight. */
const KEPT_UP = 95

export const saturation: Scenario = {
  name: 'saturation',
  title: 'Saturation',
  describe: (size) =>
    `500 readers, 100 B, ${RATES[0]} events/s and up in steps of ${size.pick(2, 1)} s until less than ${KEPT_UP}% of the deliveries arrive in time; the most that arrived in any step.`,
  columns: [
    { key: 'perSecond', title: 'deliveries/s', digits: 0, isPlotted: true },
    { key: 'rate', title: 'last events/s kept up with', digits: 0 },
    { key: 'cpuMicros', title: 'CPU µs per delivery at most', digits: 2 },
  ],
  run: saturate,
}

async function saturate({ peer, place, size }: Trial): Promise<Figures> {
  await using server = await peer.start(place)
  await using readers = await openReaders(peer.subscribe(place, 'flood'), {
    count: READERS,
    processes: READER_PROCESSES,
  })
  const request = peer.publish(place, 'flood', EVENT_DATA)
  await warmUp(readers, { request, rate: 100, seconds: size.pick(2, 0.5), connections: 32 })
  return await mostDeliveries(server, readers, {
    request,
    rates: RATES,
    seconds: size.pick(2, 1),
    count: READERS,
  })
}

export interface Flood {
  readonly request: WireRequest
  /** Events per second, rising. */
  readonly rates: readonly number[]
  /** Of each rate. */
  readonly seconds: number
  readonly count: number
}

/** Raises the rate until the hub does not keep up. The figures are those of the step in which most arrived. */
export async function mostDeliveries(
  server: Pick<ServerProcess, 'pids'>,
  readers: Readers,
  { request, rates, seconds, count }: Flood,
): Promise<Figures> {
  let best: Figures = { perSecond: 0, rate: 0, cpuMicros: Number.NaN }
  for (const rate of rates) {
    const load = { request, rate, seconds, connections: 32, readers: count }
    const measured = await measure(server, readers, load)
    const { deliveries } = measured.received
    const figures = fanOutFigures(load, measured)
    const perSecond = figures['perSecond'] ?? 0
    const keepsUp = (perSecond / (rate * count)) * 100 >= KEPT_UP
    if (perSecond > (best['perSecond'] ?? 0)) {
      best = {
        ...figures,
        rate: keepsUp ? rate : (best['rate'] ?? 0),
        generatorMicros: measured.generatorMicros / deliveries,
        busy: measured.cpuMicros / measured.wallMs / 10,
      }
    }
    if (!keepsUp) break
  }
  return best
}
