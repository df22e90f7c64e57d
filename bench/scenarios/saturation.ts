import { fanOutFigures } from '../fan-out.ts'
import { openReaders } from '../load/readers.ts'
import { EVENT_DATA, measure, warmUp } from '../measure.ts'
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

async function saturate(trial: Trial): Promise<Figures> {
  const { peer, place, size } = trial
  await using server = await peer.start(place)
  const flood = { rates: RATES, seconds: size.pick(2, 1), count: READERS }
  return await mostDeliveries(server, trial, { ...flood, warmUp: { rate: 100, seconds: size.pick(2, 0.5) } })
}

export interface Flood {
  /** Events per second, rising. */
  readonly rates: readonly number[]
  /** Of each rate. */
  readonly seconds: number
  /** Of readers. */
  readonly count: number
  readonly warmUp: { readonly rate: number; readonly seconds: number }
}

/** Raises the rate until the hub does not keep up. The figures are those of the step in which most arrived. */
export async function mostDeliveries(
  server: Pick<ServerProcess, 'pids'>,
  { peer, place }: Trial,
  { rates, seconds, count, warmUp: before }: Flood,
): Promise<Figures> {
  const request = peer.publish(place, 'flood', EVENT_DATA)
  await using readers = await openReaders(peer.subscribe(place, 'flood'), {
    count,
    processes: READER_PROCESSES,
  })
  await warmUp(readers, { request, ...before, connections: 32 })
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
