import { markedData } from '../../load/mark.ts'
import { openReaders } from '../../load/readers.ts'
import { measure, warmUp } from '../../measure.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { watchMemory } from '../../watch-memory.ts'

const MIB = 1024 * 1024
const STALLED = 1000
const HEALTHY = 100
const RATE = 50
const DATA = JSON.stringify({ note: markedData(4096) })
const seconds = (size: Size): number => size.pick(8, 3)

export const stalledSessions: Scenario = {
  name: 'stalled-sessions',
  title: 'Stalled sessions',
  describe: (size) =>
    `${RATE} events/s of 4 KiB to ${HEALTHY} sessions that read and ${STALLED} that never do, of an Express app, for ${seconds(size)} s. Growth is the most resident memory less that at the beginning.`,
  columns: [
    { key: 'growthMib', title: 'growth MiB', digits: 1, isPlotted: true },
    { key: 'p99Ms', title: 'healthy sessions’ p99 ms', digits: 2 },
    { key: 'arrived', title: 'arrived at them %', digits: 2 },
    { key: 'closed', title: 'stalled sessions closed', digits: 0 },
    { key: 'othersCpu', title: 'others’ CPU %', digits: 0 },
  ],
  run: stall,
}

async function stall({ peer, place, size }: Trial): Promise<Figures> {
  await using server = await peer.start(place)
  const subscribe = peer.subscribe(place, 'stall')
  await using healthy = await openReaders(subscribe, { count: HEALTHY })
  const load = { request: peer.publish(place, 'stall', DATA), rate: RATE, connections: 8 }
  await warmUp(healthy, { ...load, seconds: size.pick(2, 0.5) })
  await using silent = await openReaders(subscribe, { count: STALLED, stalled: STALLED })
  const memory = watchMemory(server.pids())
  const measured = await measure(server, healthy, { ...load, seconds: seconds(size) })
  return {
    growthMib: (await memory.stop()) / MIB,
    p99Ms: measured.received.latency.quantileMs(0.99),
    arrived: (measured.received.deliveries / (RATE * seconds(size) * HEALTHY)) * 100,
    closed: (await silent.report()).stalledClosed,
    othersCpu: measured.othersMicros / measured.wallMs / 10,
  }
}
