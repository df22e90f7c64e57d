import { openReaders } from '../load/readers.ts'
import { EVENT_DATA, measure, warmUp } from '../measure.ts'
import { type Figures, READER_PROCESSES, type Scenario, type Size, type Trial } from '../scenario.ts'
import { watchMemory } from '../watch-memory.ts'

const MIB = 1024 * 1024
const HEALTHY = 1000
const STALLED = 1000
const RATE = 1000
const seconds = (size: Size) => size.pick(60, 3)
const ASKED: ReadonlySet<string> = new Set(['tailrace', 'nchan'])

export const stalled: Scenario = {
  name: 'stalled',
  title: 'Stalled readers',
  describe: (size) =>
    `${RATE} events/s of 100 B to ${HEALTHY} healthy readers, first alone (${size.pick(10, 2)} s), then beside ${STALLED} that never read (${seconds(size)} s). Growth is the most resident memory of the second part less that at its beginning.`,
  columns: [
    { key: 'growthMib', title: 'growth MiB', digits: 1, isPlotted: true },
    { key: 'aloneP99Ms', title: 'p99 ms alone', digits: 2 },
    { key: 'besideP99Ms', title: 'p99 ms beside stalled', digits: 2 },
    { key: 'p99Ratio', title: 'ratio', digits: 2 },
    { key: 'arrived', title: 'arrived at healthy %', digits: 2 },
    { key: 'closed', title: 'stalled readers closed', digits: 0 },
  ],
  excludes: (peer) => (ASKED.has(peer.name) ? undefined : 'not asked: a trial takes more than a minute'),
  run: stall,
}

async function stall({ peer, place, size }: Trial): Promise<Figures> {
  await using server = await peer.start(place)
  const subscribe = peer.subscribe(place, 'stall')
  await using healthy = await openReaders(subscribe, { count: HEALTHY, processes: READER_PROCESSES })
  const load = { request: peer.publish(place, 'stall', EVENT_DATA), rate: RATE, connections: 32 }
  await warmUp(healthy, { ...load, seconds: size.pick(3, 0.5) })
  const alone = await measure(server, healthy, { ...load, seconds: size.pick(10, 2) })
  await using silent = await openReaders(subscribe, { count: STALLED, stalled: STALLED })
  const memory = watchMemory(server.pids())
  const beside = await measure(server, healthy, { ...load, seconds: seconds(size) })
  const growth = await memory.stop()
  const aloneP99Ms = alone.received.latency.quantileMs(0.99)
  const besideP99Ms = beside.received.latency.quantileMs(0.99)
  return {
    growthMib: growth / MIB,
    aloneP99Ms,
    besideP99Ms,
    p99Ratio: besideP99Ms / aloneP99Ms,
    arrived: (beside.received.deliveries / (RATE * seconds(size) * HEALTHY)) * 100,
    closed: (await silent.report()).stalledClosed,
  }
}
