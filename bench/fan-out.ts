import { TOPIC_SLOT } from './load/mark.ts'
import { openReaders } from './load/readers.ts'
import { EVENT_DATA, measure, type Measured, warmUp } from './measure.ts'
import type { Protocol } from './peer.ts'
import { type Column, type Figures, READER_PROCESSES, type Trial } from './scenario.ts'
import type { ServerProcess } from './server-process.ts'

export interface FanOut {
  readonly readers: number
  readonly rate: number
  readonly seconds: number
  readonly connections: number
  /** The data of each event, with a mark in it. @defaultValue {@link EVENT_DATA} */
  readonly data?: string
  /** Whether each reader has a topic of its own; the topics get the events in turn. @defaultValue all have the same */
  readonly isOwnTopic?: boolean
  /** Of readers and publishers. @defaultValue `http/1.1` */
  readonly protocol?: Protocol
}

export const FAN_OUT_COLUMNS: readonly Column[] = [
  { key: 'cpuMicros', title: 'CPU µs per delivery', digits: 2, isPlotted: true },
  { key: 'perSecond', title: 'deliveries/s', digits: 0 },
  { key: 'arrived', title: 'arrived %', digits: 2 },
  { key: 'p50Ms', title: 'p50 ms', digits: 2 },
  { key: 'p99Ms', title: 'p99 ms', digits: 2, isPlotted: true },
  { key: 'p999Ms', title: 'p99.9 ms', digits: 2 },
  { key: 'ackP99Ms', title: 'ack p99 ms', digits: 2 },
  { key: 'generatorCpu', title: 'generator CPU %', digits: 0 },
  { key: 'othersCpu', title: 'others’ CPU %', digits: 0 },
]

/** Many readers, a fixed rate of events. */
export async function fanOut(trial: Trial, work: FanOut): Promise<Figures> {
  await using server = await trial.peer.start(trial.place)
  return await fanOutOf(server, trial, work)
}

/** The same with a server that runs. */
export async function fanOutOf(
  server: Pick<ServerProcess, 'pids'>,
  { peer, place, size }: Trial,
  work: FanOut,
): Promise<Figures> {
  const { protocol = 'http/1.1', isOwnTopic = false, data = EVENT_DATA } = work
  const topic = isOwnTopic ? TOPIC_SLOT : 'fan-out'
  await using readers = await openReaders(
    { ...peer.subscribe(place, topic), protocol },
    { count: work.readers, processes: READER_PROCESSES },
  )
  const load = {
    ...work,
    request: { ...peer.publish(place, topic, data), protocol },
    topics: isOwnTopic ? work.readers : 1,
  }
  await warmUp(readers, { ...load, seconds: size.pick(2, 0.5) })
  return fanOutFigures(work, await measure(server, readers, load))
}

export function fanOutFigures(work: FanOut, measured: Measured): Figures {
  const { received, published, generatorMicros, othersMicros, wallMs } = measured
  const expected = Math.round(work.rate * work.seconds) * (work.isOwnTopic === true ? 1 : work.readers)
  return {
    cpuMicros: measured.cpuMicros / received.deliveries,
    ownMicros: (measured.cpuMicros - measured.kernelMicros) / received.deliveries,
    perSecond: (received.deliveries / Math.max(received.spanMs, work.seconds * 1000)) * 1000,
    arrived: (received.deliveries / expected) * 100,
    p50Ms: received.latency.quantileMs(0.5),
    p99Ms: received.latency.quantileMs(0.99),
    p999Ms: received.latency.quantileMs(0.999),
    ackP99Ms: published.latency.quantileMs(0.99),
    generatorCpu: generatorMicros / wallMs / 10,
    othersCpu: othersMicros / wallMs / 10,
  }
}
