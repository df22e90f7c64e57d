import { readHistory } from '@tailrace/client'
import type { HistoryEvent } from '@tailrace/client'
import { Auditor, createRandom, startFlakyProxy, tempDir } from '@tailrace/testkit'
import type { FlakyProxy, Random } from '@tailrace/testkit'

import { publishOn } from './publisher.ts'
import { Reader } from './reader.ts'
import { isGood, memoryOf } from './report.ts'
import type { Report } from './report.ts'
import { SupervisedHub } from './supervised-hub.ts'

export interface SoakOptions {
  readonly seconds: number
  readonly seed: number
  /** Called with what happens, one line at a time. */
  progress(line: string): void
}

const PUBLISHERS = Array.from({ length: 6 }, (_, i) => `p${i}`)
/** So little of its topic is kept that slow readers receive gaps. */
const BRIEF = 'brief'
const BRIEF_KEPT = 100
const ALL = [...PUBLISHERS, BRIEF]
const KEEP_EVERYTHING = '**=forever'
/** Full after seconds: from then on it uses no more memory, and readers that are behind are outside of it. */
const WINDOW = '64KiB'
const FAULTS = { split: 0.05, delay: 0.05, stall: 0.01, cut: 0.3, after: [2_000, 400_000] as const }
/** The part of the run that has kills. The hub's memory is judged over the rest, which is one life. */
const KILLING_PART = 0.5
/** Once each in this order, so that a short run has all of them; then at random. */
const DISTURBANCES = ['kill', 'cut', 'churn', 'stall', 'kill', 'churn'] as const
const PROGRESS_MS = 10_000
/** Maximum time for readers to catch up once all is quiet. */
const CATCH_UP_MS = 60_000

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs a hub under everything at once, and finds out whether anybody lost anything. */
export async function soak({ seconds, seed, progress }: SoakOptions): Promise<Report> {
  const random = createRandom(seed)
  using dir = tempDir()
  const args = [
    '--retain',
    `soak/${BRIEF}=${BRIEF_KEPT}events`,
    '--retain',
    KEEP_EVERYTHING,
    '--window',
    WINDOW,
  ]
  await using hub = await SupervisedHub.start(`sqlite:${dir.path}/log.db`, args)
  const target = { host: '127.0.0.1', port: hub.port }
  await using ways = await startFlakyProxy(target, { ...FAULTS, random: random.next })
  const auditor = new Auditor(new Set([BRIEF]))
  const readers = startReaders(auditor, ways, random)
  const publishing = new AbortController()
  const publishers = ALL.map((name) =>
    publishOn(auditor, name, {
      // Half of them lose responses.
      url: random.chance(0.5) ? ways.url : hub.url,
      pauseMs: random.int(5, 25),
      signal: publishing.signal,
    }),
  )

  const begun = performance.now()
  const elapsed = (): number => (performance.now() - begun) / 1000
  const life = { samples: [] as number[], begun: 0, isLast: false }
  const sampling = setInterval(() => {
    const bytes = life.isLast ? hub.residentBytes() : undefined
    if (bytes !== undefined) life.samples.push(bytes)
  }, 500)
  const telling = setInterval(() => {
    const { acknowledged, delivered, gaps } = auditor.verdict()
    const memory = `${Math.round((hub.residentBytes() ?? 0) / 2 ** 20)} MiB`
    progress(
      `${Math.round(elapsed())} s: ${acknowledged} acknowledged, ${delivered} delivered, ${gaps} gaps reported, ${hub.restarts} restarts, ${memory}`,
    )
  }, PROGRESS_MS)

  try {
    await disturb({ hub, ways, readers, random, seconds, elapsed, onLastLife })
  } finally {
    clearInterval(sampling)
    clearInterval(telling)
    publishing.abort()
  }
  const memory = memoryOf(life.samples, Math.round(elapsed() - life.begun))
  await Promise.all(publishers)
  for (const reader of readers) reader.hurry()
  const deadline = performance.now() + CATCH_UP_MS
  while (!auditor.isDelivered && performance.now() < deadline) await pause(20)
  for (const reader of readers) reader.close()
  async function stored(name: string): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = []
    const pages = readHistory(`${hub.url}/topics/soak/${name}`).pages()
    for await (const page of pages) events.push(...page.events)
    return events
  }
  for (const name of PUBLISHERS) auditor.compare(name, await stored(name))
  auditor.compare(BRIEF, await stored(BRIEF), BRIEF_KEPT)

  const verdict = auditor.verdict()
  const { restarts, stalls } = hub
  const cuts = ways.faults().cut
  return { seconds, seed, ...verdict, restarts, stalls, cuts, memory, isGood: isGood(verdict, memory) }

  function onLastLife(): void {
    life.isLast = true
    life.begun = elapsed()
  }
}

function startReaders(auditor: Auditor, { url }: FlakyProxy, random: Random): Reader[] {
  const one = PUBLISHERS.map((name) => new Reader(auditor.addReader([name]), { url, pauseMs: 0 }))
  const all = Array.from({ length: 4 }, () => new Reader(auditor.addReader(ALL), { url, pauseMs: 0 }))
  const slow = Array.from(
    { length: 3 },
    () =>
      new Reader(auditor.addReader([random.pick(PUBLISHERS), BRIEF]), { url, pauseMs: random.int(20, 60) }),
  )
  return [...one, ...all, ...slow]
}

interface Disturbance {
  readonly hub: SupervisedHub
  readonly ways: FlakyProxy
  readonly readers: readonly Reader[]
  readonly random: Random
  readonly seconds: number
  elapsed(): number
  /** From then on, the hub is not killed any more. */
  onLastLife(): void
}

/** Lets one thing after another go wrong, for the given number of seconds. */
async function disturb({
  hub,
  ways,
  readers,
  random,
  seconds,
  elapsed,
  onLastLife,
}: Disturbance): Promise<void> {
  const longestMs = Math.min(4_000, seconds * 100)
  let isKilling = true
  for (let turn = 0; elapsed() < seconds; turn += 1) {
    await pause(random.int(longestMs / 4, longestMs))
    if (isKilling && elapsed() > seconds * KILLING_PART) {
      isKilling = false
      onLastLife()
    }
    const what = DISTURBANCES[turn] ?? random.pick(DISTURBANCES)
    if (what === 'kill' && isKilling) await hub.killAndRestart()
    else if (what === 'stall') await hub.stall(random.int(100, longestMs))
    else if (what === 'cut') ways.cutAll()
    else for (const reader of readers) if (random.chance(0.4)) reader.churn()
  }
  if (isKilling) onLastLife()
}
