import { expect, test } from 'vitest'
import { joined } from '../../src/observe/snapshot.ts'
import type { MetricSnapshot } from '../../src/observe/snapshot.ts'
import { MetricsMemory } from '../../src/workers/metrics-memory.ts'

/** What a process has counted, and a gauge. */
function counted(a: number, b: number): MetricSnapshot {
  const values = [
    { value: a, labels: { reason: 'a' } },
    { value: b, labels: { reason: 'b' } },
  ]
  return [
    { name: 'closes_total', help: 'x', type: 'counter', aggregator: 'sum', values },
    { name: 'open', help: 'x', type: 'gauge', aggregator: 'sum', values: [{ value: 7, labels: {} }] },
    {
      name: 'seconds',
      help: 'x',
      type: 'histogram',
      aggregator: 'sum',
      values: [
        { metricName: 'seconds_bucket', labels: { le: 1 }, value: a },
        { metricName: 'seconds_count', labels: {}, value: a },
      ],
    },
  ]
}

test('what a process counted that is gone stays in the sums, and its gauges do not', async () => {
  const memory = new MetricsMemory()
  memory.remember('worker 1', counted(1, 2))
  memory.remember('worker 2', counted(10, 0))
  memory.remember('worker 1', counted(2, 2))
  memory.retire('worker 1')
  memory.remember('worker 1', counted(1, 0))
  memory.retire('worker 1')
  memory.retire('worker 1')
  const text = await joined(memory.counters()).metrics()
  expect(text).toContain('closes_total{reason="a"} 13\ncloses_total{reason="b"} 2\n')
  expect(text).toContain('seconds_bucket{le="1"} 13\nseconds_count 13\n')
  expect(text).not.toContain('open')
})
