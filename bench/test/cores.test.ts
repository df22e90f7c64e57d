import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, needs, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { peersWithCores } from '../cores/peers.ts'
import { reachOfCores } from '../cores/reach.ts'
import { nextLimit, workersArithmetic } from '../cores/sections.ts'
import { cores } from '../cores/suite.ts'
import { EVENT_DATA } from '../measure.ts'
import { BLANK_MARK, TOPIC_SLOT } from '../load/mark.ts'
import { publish } from '../load/publish.ts'
import { openReaders } from '../load/readers.ts'
import { uncommitted } from '../machine.ts'
import { type Known, parseOptions, UsageError } from '../options.ts'
import type { Peer } from '../peer.ts'
import { report } from '../report.ts'
import type { Results, TrialResult } from '../results.ts'
import type { Size } from '../scenario.ts'
import { cpuMicros, listeners } from '../usage.ts'
import { MACHINE } from './machine.ts'

const gcc = needs('gcc')
const size: Size = { isQuick: false, pick: (full) => full }

test.skipIf(!gcc)(
  'all processes of a hub with workers are there before it counts as started',
  { timeout: 120_000 },
  async () => {
    using dir = tempDir()
    const place = { dir: dir.path, port: await freePort() }
    const peer = peerNamed('tailrace-workers')
    await using hub = await peer.start(place)
    expect(listeners(place.port)).toBe(2)
    // A supervisor, two workers and the owner of the log.
    expect(hub.pids()).toHaveLength(4)
    await using readers = await openReaders(peer.subscribe(place, TOPIC_SLOT), { count: 6, marks: 4 })
    const batch = peer.publishBatch?.(place, TOPIC_SLOT, [EVENT_DATA, EVENT_DATA])
    const load = { connections: 2, rate: 0, topics: 6 }
    expect(await publish(batch!, { ...load, count: 6 })).toMatchObject({ acked: 6 })
    expect(await publish(peer.publish(place, TOPIC_SLOT, EVENT_DATA), { ...load, count: 12 })).toMatchObject({
      acked: 12,
    })
    expect(await readers.complete(10_000)).toBeDefined()
    expect(await readers.report()).toMatchObject({ deliveries: 24, complete: 6 })
    expect(cpuMicros(hub.pids())).toBeGreaterThan(cpuMicros(hub.pids().slice(0, 1)))
  },
)

test('a batch contains a mark for each of its events, with every peer that has batches', () => {
  const place = { dir: '/', port: 1 }
  const batches = peersWithCores.flatMap(({ publishBatch }) => publishBatch?.(place, 't', ['a', 'b']) ?? [])
  expect(batches.length).toBeGreaterThan(2)
  const marks = Array<string>(100).fill(BLANK_MARK)
  for (const { publishBatch } of peersWithCores) {
    const text = publishBatch?.(place, 't', marks).text
    if (text !== undefined) expect(text.split(BLANK_MARK)).toHaveLength(101)
  }
})

test('every target is compared with the medians, and what was not measured is named', () => {
  const rows = reachOfCores(
    results([
      trial('fanout-low', 'floor', { cpuMicros: 2 }),
      trial('fanout-low', 'tailrace-memory', { cpuMicros: 2.2 }),
      trial('fanout-low', 'tailrace', { cpuMicros: 3 }),
      trial('fanout-low', 'nchan', { cpuMicros: 2.9 }),
      trial('workers', 'tailrace', { p99Ms: 2, perSecond: 10 }),
      trial('workers', 'tailrace-workers', { p99Ms: 2.5, perSecond: 12 }),
    ]),
  )
  expect(rows.slice(0, 4).map(({ reached, verdict }) => [reached, verdict])).toEqual([
    ['1.10 × floor', 'met'],
    ['0.76 × Nchan’s', 'met'],
    ['1.50 × floor', 'missed by 11%'],
    ['3.00 µs', 'missed by 3.4%'],
  ])
  const verdict = (figure: string) => rows.find((row) => row.figure.includes(figure))?.verdict
  expect(verdict('with workers on SQLite, p99')).toBe('met')
  expect(verdict('deliveries/s with workers, SQLite')).toBe('met')
  expect(verdict('deliveries/s with workers, memory log')).toBe('not measured')
  expect(verdict('with compression')).toBe('not measured')
})

test('the bound on deliveries and the next limits are worked out from what was measured', () => {
  const facts = results([
    trial('workers', 'tailrace-workers', { cpuMicros: 1.5, generatorMicros: 0.5, perSecond: 750_000 }),
    trial('idle-60k', 'tailrace-workers', { kibPerReader: 3, kernelKib: 5, files: 20_000 }),
  ])
  expect(workersArithmetic(facts)).toContain('2 × 1,000,000 / 2.00 = 1,000,000 | 750,000 | 75% |')
  expect(nextLimit(facts)).toContain('19,936 for each worker')
  expect(nextLimit(facts)).toContain('| 24 GiB / (3.00 + 5.00 KiB) | 3,145,728 |')
})

test('a peer that is not asked has no row, but a reason', () => {
  const text = report(cores, results([trial('batches', 'tailrace', { perSecond1: 1 })]), size)
  expect(text).toContain('Left out: floor (not asked).')
  expect(text).not.toContain('| floor | nowhere')
})

test('a run with other settings is not one of those whose reports are kept', () => {
  const known: Known = { peers: ['a'], scenarios: ['b'], defaultRuns: 3 }
  const suites = { oneHub: known, nodes: known, apps: known, cores: known }
  expect(parseOptions(['--cores'], suites)).toMatchObject({
    suite: 'cores',
    isWhole: true,
    mayBeDirty: false,
  })
  expect(parseOptions(['--cores', '--workers', '4', '--peer-cores', '1'], suites)).toMatchObject({
    isWhole: false,
    settings: { workers: 4, cores: 1 },
  })
  for (const workers of ['0', '-1', '1.5', 'many']) {
    expect(() => parseOptions([`--workers=${workers}`], suites)).toThrow(UsageError)
  }
})

test('files that differ from the commit are named, except for what the bench writes', () => {
  using dir = tempDir()
  const git = (...args: string[]) => execFileSync('git', args, { cwd: dir.path, stdio: 'pipe' })
  git('init', '-q')
  const folder = join(dir.path, 'bench')
  mkdirSync(join(folder, 'plots'), { recursive: true })
  mkdirSync(join(folder, 'peers'))
  writeFileSync(join(folder, 'CORES.md'), '')
  writeFileSync(join(folder, 'cores.json'), '')
  writeFileSync(join(folder, 'plots/a.svg'), '')
  expect(uncommitted(folder)).toEqual([])
  writeFileSync(join(folder, 'peers/config.json'), '')
  writeFileSync(join(dir.path, 'hub.ts'), '')
  expect(uncommitted(folder)).toEqual(['bench/peers/config.json', 'hub.ts'])
})

function peerNamed(name: string): Peer {
  const peer = peersWithCores.find((one) => one.name === name)
  if (peer === undefined) throw new Error(`there is no peer ${name}`)
  return peer
}

function trial(scenario: string, peer: string, figures: Record<string, number>): TrialResult {
  return { scenario, peer, run: 1, figures }
}

function results(trials: readonly TrialResult[]): Results {
  return {
    machine: MACHINE,
    isQuick: false,
    runs: 1,
    scenarios: ['batches'],
    peers: [
      { name: 'floor', title: 'floor', stored: 'nowhere', durability: 'none', version: '1' },
      { name: 'tailrace', title: 'Tailrace', stored: 'on disk', durability: 'on disk', version: '1' },
    ],
    trials,
  }
}
