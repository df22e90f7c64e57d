import { atLeast, atMost, below, type Reach } from '../reach.ts'
import { medianOf, type Results } from '../results.ts'

const MEMORY = 'tailrace-memory'
const MORE = '-workers'
/** Without the addon, and what it is compared with. */
const IN_NODE = 'tailrace-memory-node'
const LOOP = 'node-net'

/** The targets for all cores, compared with the medians. */
export function reachOfCores(results: Results): Reach[] {
  const at = (scenario: string, key: string, peer = 'tailrace') => medianOf(results, scenario, peer, key)
  const times = (scenario: string, key: string, ours: string, other: string) =>
    at(scenario, key, ours) / at(scenario, key, other)
  const cpu = (scenario: string, ours: string, other: string) => times(scenario, 'cpuMicros', ours, other)
  const nchan = (scenario: string, key: string) => ({ title: 'Nchan', value: at(scenario, key, 'nchan') })
  const low = 'CPU per delivery, 40 events/s × 2,000'
  const mid = 'CPU per delivery, 200 events/s × 500, memory log'
  const p99 = 'p99, 200 events/s × 500, memory log'
  const high = 'CPU per delivery, 2,000 events/s × 500'
  const onFloor = '× floor'
  const later = at('workers', 'p99Ms', `tailrace${MORE}`) - at('workers', 'p99Ms')
  return [
    atMost(`${low}, memory log`, '1.15 × floor', cpu('fanout-low', MEMORY, 'floor'), 1.15, onFloor),
    atMost(`${low}, memory log`, '20% below Nchan’s', cpu('fanout-low', MEMORY, 'nchan'), 0.8, '× Nchan’s'),
    atMost(`${low}, SQLite`, '1.35 × floor', cpu('fanout-low', 'tailrace', 'floor'), 1.35, onFloor),
    below(`${low}, SQLite`, at('fanout-low', 'cpuMicros'), nchan('fanout-low', 'cpuMicros'), 'µs'),
    below(mid, at('latency-100k', 'cpuMicros', MEMORY), nchan('latency-100k', 'cpuMicros'), 'µs'),
    atMost(mid, '1.2 × floor', cpu('latency-100k', MEMORY, 'floor'), 1.2, onFloor),
    below(p99, at('latency-100k', 'p99Ms', MEMORY), nchan('latency-100k', 'p99Ms'), 'ms'),
    atMost(p99, '1.2 × floor', times('latency-100k', 'p99Ms', MEMORY, 'floor'), 1.2, onFloor),
    ...['fanout-low', 'latency-100k'].map((scenario) =>
      atMost(
        `${scenario === 'fanout-low' ? `${low}, memory log` : mid}, without the addon`,
        '1.1 × a bare loop in Node',
        cpu(scenario, IN_NODE, LOOP),
        1.1,
        '× the loop',
      ),
    ),
    atMost(`${high}, memory log`, '1/4 of Nchan’s', cpu('fanout-high', MEMORY, 'nchan'), 0.25, '× Nchan’s'),
    atMost(`${high}, SQLite`, '1/4 of Nchan’s', cpu('fanout-high', 'tailrace', 'nchan'), 0.25, '× Nchan’s'),
    atLeast(
      'durable publishes/s, 64 connections',
      'a `node:http` server that stores nothing',
      times('publish', 'perSecond64', 'tailrace', 'node-http'),
      1,
      '× its',
    ),
    ...[MEMORY, 'tailrace'].map((name) =>
      atLeast(
        `deliveries/s with workers, ${name === MEMORY ? 'memory log' : 'SQLite'}`,
        'more than one process',
        times('workers', 'perSecond', `${name}${MORE}`, name),
        1,
        '× one process',
      ),
    ),
    atMost('publish to delivery with workers on SQLite, p99', '1 ms above one process', later, 1, 'ms above'),
    atMost(
      'bytes of a 1 KB JSON event with compression, over 1,000 events',
      'a fifth',
      at('compression', 'sizeRatio', MEMORY),
      0.2,
      '× without',
    ),
    atMost(
      'CPU per delivery with compression, 2,000 readers',
      'no higher than without',
      at('compression', 'cpuRatio', MEMORY),
      1,
      '× without',
    ),
    atMost('memory per idle reader, one process, 16,000', '4 KiB', at('idle-16k', 'kibPerReader'), 4, 'KiB'),
    ...['idle-16k', 'idle-60k'].map((scenario) =>
      atMost(
        `memory per idle reader, workers, ${scenario === 'idle-16k' ? '16,000' : '60,000'}`,
        '4 KiB',
        at(scenario, 'kibPerReader', `tailrace${MORE}`),
        4,
        'KiB',
      ),
    ),
  ]
}
