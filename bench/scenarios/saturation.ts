import { fanOutFigures } from '../fan-out.ts'
import { openReaders } from '../load/readers.ts'
import { EVENT_DATA, measure, warmUp } from '../measure.ts'
import { type Figures, READER_PROCESSES, type Scenario, type Trial } from '../scenario.ts'

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
  const seconds = size.pick(2, 1)
  await warmUp(readers, { request, rate: 100, seconds: size.pick(2, 0.5), connections: 32 })
  let best: Figures = { perSecond: 0, rate: 0, cpuMicros: Number.NaN }
  for (const rate of RATES) {
    const load = { request, rate, seconds, connections: 32, readers: READERS }
    const figures = fanOutFigures(load, await measure(server, readers, load))
    const perSecond = figures['perSecond'] ?? 0
    const keepsUp = (perSecond / (rate * READERS)) * 100 >= KEPT_UP
    if (perSecond > (best['perSecond'] ?? 0)) {
      best = {
        perSecond,
        rate: keepsUp ? rate : (best['rate'] ?? 0),
        cpuMicros: figures['cpuMicros'] ?? Number.NaN,
      }
    }
    if (!keepsUp) break
  }
  return best
}
