import { medianOf, type Results } from './results.ts'

/** One row of the table of targets. */
export interface Reach {
  readonly figure: string
  readonly asked: string
  readonly reached: string
  /** `met`, or by how much the target was missed, or why that is unknown. */
  readonly verdict: string
}

const HUB = 'tailrace'
/** The same hub, with a log that is as durable as the peers that store in memory. */
const IN_MEMORY = 'tailrace-memory'
/** Not peers: the floor is not a hub. */
const NOT_PEERS = new Set([HUB, IN_MEMORY, 'floor'])

type Lookup = (scenario: string, key: string, peer?: string) => number

/** The targets, compared with the medians. */
export function reach(results: Results): Reach[] {
  const at: Lookup = (scenario, key, peer = HUB) => medianOf(results, scenario, peer, key)
  const best = (scenario: string, key: string) => lowestPeer(results, scenario, key)
  const low = at('fanout-low', 'cpuMicros')
  const floor = at('fanout-low', 'cpuMicros', 'floor')
  const arrived = at('fanout-high', 'arrived')
  const perSecond = at('fanout-high', 'perSecond')
  const high = at('fanout-high', 'cpuMicros')
  const nchanHigh = at('fanout-high', 'cpuMicros', 'nchan')
  const p99 = at('latency-100k', 'p99Ms')
  const memory = at('idle-memory', 'kibPerReader')
  const nchanMemory = at('idle-memory', 'kibPerReader', 'nchan')
  const publishes = at('publish', 'perSecond64')
  return [
    atMost('CPU per delivery, 40 events/s × 2,000', '1.35 × floor', low / floor, 1.35, '× floor'),
    below('CPU per delivery, 40 events/s × 2,000', low, best('fanout-low', 'cpuMicros'), 'µs'),
    atLeast('deliveries that arrive, 2,000 events/s × 500', 'all', arrived, 100, '%'),
    // The last deliveries are still in flight when the time is over.
    atLeast('deliveries/s, 2,000 events/s × 500', '1,000,000 within 1%', perSecond, 990_000, '/s'),
    atMost('CPU per delivery, 2,000 events/s × 500', '1/4 of Nchan’s', high / nchanHigh, 0.25, '× Nchan’s'),
    below('p99 at 100,000 deliveries/s', p99, best('latency-100k', 'p99Ms'), 'ms'),
    below('memory per idle reader', memory, { title: 'Nchan', value: nchanMemory }, 'KiB'),
    atMost('memory per idle reader, stretch', '4 KiB', memory, 4, 'KiB'),
    atLeast('durable publishes/s, 64 connections', '30,000', publishes, 30_000, '/s'),
    atMost('15,000 readers resume after a restart', 'under 5 s', at('resume-storm', 'seconds'), 5, 's'),
    atMost('live readers’ p99 meanwhile', 'under 250 ms', at('resume-storm', 'liveP99Ms'), 250, 'ms'),
    atMost('memory growth with 1,000 stalled readers', '32 MiB', at('stalled', 'growthMib'), 32, 'MiB'),
    atMost('healthy readers’ p99 beside them', '2 × alone', at('stalled', 'p99Ratio'), 2, '× alone'),
    atMost('publish acknowledged beside a crowd, p99', 'under 50 ms', at('fairness', 'ackP99Ms'), 50, 'ms'),
    atMost('publish delivered beside a crowd, p99', 'under 50 ms', at('fairness', 'p99Ms'), 50, 'ms'),
  ]
}

interface PeerFigure {
  readonly title: string
  readonly value: number
}

function lowestPeer(results: Results, scenario: string, key: string): PeerFigure {
  const [lowest] = results.peers
    .filter(({ name }) => !NOT_PEERS.has(name))
    .map(({ name, title }) => ({ title, value: medianOf(results, scenario, name, key) }))
    .filter(({ value }) => !Number.isNaN(value))
    .toSorted((a, b) => a.value - b.value)
  return lowest ?? { title: 'every peer', value: Number.NaN }
}

export function atMost(figure: string, asked: string, value: number, limit: number, unit: string): Reach {
  return row(figure, asked, value, limit, unit, value <= limit, value / limit - 1)
}

export function atLeast(figure: string, asked: string, value: number, limit: number, unit: string): Reach {
  return row(figure, asked, value, limit, unit, value >= limit, 1 - value / limit)
}

export function below(figure: string, value: number, peer: PeerFigure, unit: string): Reach {
  const asked = Number.isNaN(peer.value)
    ? `below ${peer.title}`
    : `below ${peer.title}: ${shown(peer.value)} ${unit}`
  return row(figure, asked, value, peer.value, unit, value < peer.value, value / peer.value - 1)
}

function row(
  figure: string,
  asked: string,
  value: number,
  limit: number,
  unit: string,
  isMet: boolean,
  excess: number,
): Reach {
  if (Number.isNaN(value)) return { figure, asked, reached: '–', verdict: 'not measured' }
  const reached = `${shown(value)} ${unit}`
  if (Number.isNaN(limit)) return { figure, asked, reached, verdict: 'nothing to compare with' }
  // A shortfall must not be rounded to the target itself.
  const missed = excess < 0.001 ? '< 0.1' : (excess * 100).toFixed(excess < 0.1 ? 1 : 0)
  return { figure, asked, reached, verdict: isMet ? 'met' : `missed by ${missed}%` }
}

export function shown(value: number): string {
  if (Number.isNaN(value)) return '–'
  const digits = value >= 1000 ? 0 : value >= 100 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits, minimumFractionDigits: digits })
}
