import { openReaders } from '../../load/readers.ts'
import { EVENT_DATA, measure, warmUp } from '../../measure.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { cpuMicros } from '../../usage.ts'
import { type Fleet, placeOf, together } from '../fleet.ts'

const RATE = 1000
const seconds = (size: Size) => size.pick(5, 2)

export const crossNode: Scenario<Fleet> = {
  name: 'cross-node',
  title: 'From node to node',
  describe: (size) =>
    `${RATE.toLocaleString('en')} events/s of 100 B for ${seconds(size)} s, published on node A, received by a reader of node B.`,
  columns: [
    { key: 'p50Ms', title: 'p50 ms', digits: 2 },
    { key: 'p99Ms', title: 'p99 ms', digits: 2, isPlotted: true },
    { key: 'p999Ms', title: 'p99.9 ms', digits: 2 },
    { key: 'arrived', title: 'arrived %', digits: 2 },
    { key: 'ackP50Ms', title: 'ack p50 ms', digits: 2 },
    { key: 'ackP99Ms', title: 'ack p99 ms', digits: 2 },
    { key: 'nodesMicros', title: 'CPU µs per event, both nodes', digits: 0 },
    { key: 'engineMicros', title: 'CPU µs per event, engine', digits: 0 },
    { key: 'othersCpu', title: 'others’ CPU %', digits: 0 },
  ],
  run: fromNodeToNode,
}

async function fromNodeToNode({ peer, place, size }: Trial<Fleet>): Promise<Figures> {
  await using engine = await peer.startEngine()
  const [from, to] = [placeOf(place, 0), placeOf(place, 1)]
  await using a = await peer.startNode(from, engine)
  await using b = await peer.startNode(to, engine)
  await using readers = await openReaders(peer.subscribe(to, 'cross'), { count: 1 })
  const load = { request: peer.publish(from, 'cross', EVENT_DATA), rate: RATE, connections: 32 }
  await warmUp(readers, { ...load, seconds: size.pick(3, 1) })
  const enginePids = engine.pids()
  const engineBefore = cpuMicros(enginePids)
  const measured = await measure(together([a, b]), readers, { ...load, seconds: seconds(size) })
  const engineMicros = cpuMicros(enginePids) - engineBefore
  const { received, published, wallMs } = measured
  const expected = RATE * seconds(size)
  return {
    p50Ms: received.latency.quantileMs(0.5),
    p99Ms: received.latency.quantileMs(0.99),
    p999Ms: received.latency.quantileMs(0.999),
    arrived: (received.deliveries / expected) * 100,
    ackP50Ms: published.latency.quantileMs(0.5),
    ackP99Ms: published.latency.quantileMs(0.99),
    nodesMicros: measured.cpuMicros / expected,
    engineMicros: engineMicros / expected,
    othersCpu: Math.max(0, measured.othersMicros - engineMicros) / wallMs / 10,
  }
}
