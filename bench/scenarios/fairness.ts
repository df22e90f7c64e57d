import { hubsOnly } from '../peer.ts'
import { openReaders } from '../load/readers.ts'
import { EVENT_DATA, measure, warmUp } from '../measure.ts'
import { publish } from '../load/publish.ts'
import type { Figures, Scenario, Size, Trial } from '../scenario.ts'

const SMALL_RATE = 100
const crowdSize = (size: Size) => size.pick(15_000, 2000)
const seconds = (size: Size) => size.pick(8, 2)

export const fairness: Scenario = {
  name: 'fairness',
  title: 'A crowd beside a small topic',
  describe: (size) =>
    `One event a second goes to ${crowdSize(size).toLocaleString('en')} readers of one topic, while another topic with 10 readers gets ${SMALL_RATE} events/s for ${seconds(size)} s; the figures are the small topic's.`,
  columns: [
    { key: 'ackP99Ms', title: 'ack p99 ms', digits: 2 },
    { key: 'p50Ms', title: 'p50 ms', digits: 2 },
    { key: 'p99Ms', title: 'p99 ms', digits: 2, isPlotted: true },
    { key: 'maxMs', title: 'max ms', digits: 2 },
    { key: 'crowdP99Ms', title: 'the crowd’s p99 ms', digits: 2 },
  ],
  excludes: hubsOnly,
  run: besideCrowd,
}

async function besideCrowd({ peer, place, size }: Trial): Promise<Figures> {
  await using server = await peer.start(place)
  await using crowd = await openReaders(peer.subscribe(place, 'crowd'), { count: crowdSize(size) })
  await using few = await openReaders(peer.subscribe(place, 'few'), { count: 10 })
  const crowdRequest = peer.publish(place, 'crowd', EVENT_DATA)
  const load = { request: peer.publish(place, 'few', EVENT_DATA), rate: SMALL_RATE, connections: 16 }
  await warmUp(few, { ...load, seconds: size.pick(2, 0.5) })
  await warmUp(crowd, { request: crowdRequest, rate: 2, seconds: size.pick(2, 1), connections: 1 })
  await crowd.reset()
  const [measured] = await Promise.all([
    measure(server, few, { ...load, seconds: seconds(size) }),
    publish(crowdRequest, { rate: 1, seconds: seconds(size), connections: 2 }),
  ])
  const { received, published } = measured
  return {
    ackP99Ms: published.latency.quantileMs(0.99),
    p50Ms: received.latency.quantileMs(0.5),
    p99Ms: received.latency.quantileMs(0.99),
    maxMs: received.latency.maxMs,
    crowdP99Ms: (await crowd.report()).latency.quantileMs(0.99),
  }
}
