import { describe, expect, test } from 'vitest'
import { Histogram } from '../load/histogram.ts'
import { oneHub } from '../one-hub.ts'
import { barChart } from '../plot.ts'
import { reach } from '../reach.ts'
import { plots, report } from '../report.ts'
import { fromJson, median, type Results, toJson, type TrialResult } from '../results.ts'
import type { Size } from '../scenario.ts'
import { scenarios } from '../scenarios/all.ts'
import { MACHINE } from './machine.ts'

const size: Size = { isQuick: false, pick: (full) => full }

describe('the median', () => {
  test('of an odd and of an even number of trials', () => {
    expect(median([5, 1, 3])).toBe(3)
    expect(median([10, 2, 9, 1])).toBe(5.5)
  })

  test('counts a trial without a figure as the worst', () => {
    expect(median([1, Number.NaN, 2])).toBe(2)
    expect(median([1, Number.NaN, Number.NaN])).toBeNaN()
    expect(median([])).toBeNaN()
  })
})

describe('a histogram', () => {
  test('gives quantiles within 1.6%, never below', () => {
    const histogram = new Histogram().add({
      max: 1000,
      buckets: Array.from({ length: 1000 }, (_, i) => [bucket(i + 1), 1]),
    })
    for (const quantile of [0.01, 0.5, 0.99, 0.999]) {
      const exact = (quantile * 1000) / 1e6
      expect(histogram.quantileMs(quantile)).toBeGreaterThanOrEqual(exact)
      expect(histogram.quantileMs(quantile)).toBeLessThanOrEqual(exact * 1.016)
    }
    expect(histogram.total).toBe(1000)
    expect(histogram.quantileMs(1)).toBe(0.001)
  })

  test('of several processes is that of all their values', () => {
    const merged = new Histogram().add({ max: 10, buckets: [[10, 1]] }).add({ max: 90, buckets: [[90, 3]] })
    expect([merged.quantileMs(0.25), merged.quantileMs(0.26), merged.maxMs]).toEqual([
      10 / 1e6,
      90 / 1e6,
      90 / 1e6,
    ])
  })

  test('without values has no quantile', () => {
    expect(new Histogram().quantileMs(0.5)).toBeNaN()
  })
})

describe('the table of reach', () => {
  test('compares medians with what was asked', () => {
    const rows = reach(
      results([
        ...trials('fanout-low', 'tailrace', { cpuMicros: [6, 5, 40] }),
        ...trials('fanout-low', 'floor', { cpuMicros: [4, 4, 4] }),
        ...trials('fanout-low', 'nchan', { cpuMicros: [8, 8, 8] }),
        ...trials('fanout-low', 'mercure', { cpuMicros: [7.5, 7.5, 7.5] }),
        ...trials('publish', 'tailrace', { perSecond64: [24_000, 24_000, 24_000] }),
      ]),
    )
    expect(rows.slice(0, 2)).toEqual([
      {
        figure: 'CPU per delivery, 40 events/s × 2,000',
        asked: '1.35 × floor',
        reached: '1.50 × floor',
        verdict: 'missed by 11%',
      },
      {
        figure: 'CPU per delivery, 40 events/s × 2,000',
        asked: 'below Mercure: 7.50 µs',
        reached: '6.00 µs',
        verdict: 'met',
      },
    ])
    expect(rows.find(({ figure }) => figure.startsWith('durable'))).toMatchObject({
      reached: '24,000 /s',
      verdict: 'missed by 20%',
    })
    expect(rows.find(({ figure }) => figure.startsWith('p99'))).toMatchObject({ verdict: 'not measured' })
  })

  test('does not call a shortfall nothing', () => {
    const rows = reach(results(trials('fanout-high', 'tailrace', { arrived: [99.9999] })))
    expect(rows.find(({ asked }) => asked === 'all')?.verdict).toBe('missed by < 0.1%')
  })
})

describe('the report', () => {
  const facts = results([
    ...trials('fanout-low', 'tailrace', { cpuMicros: [6, 5, 7], p99Ms: [1, 2, 3] }),
    { peer: 'nchan', scenario: 'fanout-low', run: 1, error: 'it | broke\nat once' },
  ])

  test('names every peer with its durability, the absent ones with the reason', () => {
    const text = report(oneHub, facts, size)
    expect(text).toContain('| Tailrace | 0.1.0 | on disk |')
    expect(text).toContain('| Mercure | absent: no Go | Bolt |')
    expect(text).toContain('| Nchan | in memory | it \\| broke |')
    expect(text).toContain('| Tailrace | on disk | 6.00 |')
  })

  test('is the same from the file that it is kept in', () => {
    const kept = results([...facts.trials, ...trials('resume-storm', 'tailrace', { seconds: [Number.NaN] })])
    expect(report(oneHub, fromJson(toJson(kept)), size)).toBe(report(oneHub, kept, size))
  })

  test('shows only plots that are written', () => {
    const text = report(oneHub, facts, size)
    const shown = [...text.matchAll(/\]\(plots\/(.*?)\)/g)].map(([, name]) => String(name))
    expect(shown.length).toBeGreaterThan(5)
    expect(new Set(plots(oneHub, facts).keys())).toEqual(new Set(shown))
  })
})

test('a plot has bars in proportion, and says where there is no figure', () => {
  const svg = barChart('a < b', [bar('x', 10), bar('y', 5), bar('z', Number.NaN)], 1)
  const [x = 0, y, z] = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width))
  expect(y).toBeCloseTo(x / 2, 0)
  expect(z).toBe(0)
  expect(svg).toContain('no figure')
  expect(svg).toContain('a &lt; b')
})

const bar = (label: string, value: number) => ({ label, value, isOurs: false })

/** The bucket of histogram.h. */
function bucket(ns: number): number {
  const shift = ns < 128 ? 0 : 25 - Math.clz32(ns)
  return shift * 64 + (ns >> shift)
}

function trials(scenario: string, peer: string, figures: Record<string, number[]>): TrialResult[] {
  const runs = Object.values(figures)[0]?.length ?? 0
  return Array.from({ length: runs }, (_, i) => ({
    peer,
    scenario,
    run: i + 1,
    figures: Object.fromEntries(
      Object.entries(figures).map(([key, values]) => [key, values[i] ?? Number.NaN]),
    ),
  }))
}

function results(all: readonly TrialResult[]): Results {
  return {
    machine: MACHINE,
    isQuick: false,
    runs: 3,
    scenarios: scenarios.map(({ name }) => name),
    peers: [
      { name: 'floor', title: 'floor', stored: 'nowhere', durability: 'none', version: '1' },
      { name: 'tailrace', title: 'Tailrace', stored: 'on disk', durability: 'on disk', version: '0.1.0' },
      { name: 'nchan', title: 'Nchan', stored: 'in memory', durability: 'none', version: '1.3.6' },
      { name: 'mercure', title: 'Mercure', stored: 'on disk', durability: 'Bolt', absent: 'no Go' },
    ],
    trials: all,
  }
}
