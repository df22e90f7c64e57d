import { freePort, needs, tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { apps } from '../apps/peers.ts'
import { reachOfApps } from '../apps/reach.ts'
import { ask, failedAnswers, startRelay } from '../apps/relayed.ts'
import { markedData } from '../load/mark.ts'
import { publish } from '../load/publish.ts'
import { openReaders } from '../load/readers.ts'
import { type Known, parseOptions, UsageError } from '../options.ts'
import type { Results, TrialResult } from '../results.ts'

const gcc = needs('gcc')

test.skipIf(!gcc).each(apps)('the app of $title sends each event to each session', async (app) => {
  using dir = tempDir()
  const place = { dir: dir.path, port: await freePort() }
  await using _ = await app.start(place)
  await using readers = await openReaders(app.subscribe(place, 'all'), { count: 3, marks: 5 })
  const request = app.publish(place, 'all', JSON.stringify({ mark: markedData(50) }))
  expect(await publish(request, { connections: 1, rate: 0, count: 5 })).toMatchObject({ acked: 5 })
  expect(await readers.complete(10_000)).toBeDefined()
})

test.skipIf(!gcc)('an answer that is relayed has all the tokens of its upstream', async () => {
  using dir = tempDir()
  const place = { dir: dir.path, port: await freePort() }
  await using _ = await startRelay(place)
  for (const request of Object.values(ask(place, { tokens: 20, rate: 100 }))) {
    await using readers = await openReaders(request, { count: 2, marks: 20 })
    expect(await readers.complete(10_000)).toBeDefined()
    expect(await readers.report()).toMatchObject({ deliveries: 40 })
  }
  expect(await failedAnswers(place)).toBe(0)
})

test('a target that compares two libraries is met or missed by their ratio', () => {
  const trial = (peer: string, cpuMicros: number): TrialResult => ({
    peer,
    scenario: 'embed-order',
    run: 1,
    figures: { cpuMicros },
  })
  const results = { trials: [trial('tailrace', 9), trial('better-sse', 20)] } as unknown as Results
  expect(reachOfApps(results)[0]).toMatchObject({ reached: '0.45 × better-sse’s', verdict: 'met' })
  const worse = { trials: [trial('tailrace', 12), trial('better-sse', 20)] } as unknown as Results
  expect(reachOfApps(worse)[0]).toMatchObject({ verdict: 'missed by 20%' })
})

test('one suite runs at a time', () => {
  const known: Known = { peers: ['a'], scenarios: ['b'], defaultRuns: 3 }
  const suites = { oneHub: { ...known, defaultRuns: 5 }, nodes: known, apps: known, cores: known }
  expect(parseOptions(['--apps'], suites)).toMatchObject({ suite: 'apps', runs: 3, isWhole: true })
  expect(() => parseOptions(['--apps', '--nodes'], suites)).toThrow(UsageError)
})
