import { fileURLToPath } from 'node:url'
import { LogError, type StoredEvent } from '@tailrace/log'
import { createRandom, spawnCli, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { IndexedSequence } from '../src/indexed-sequence.ts'
import { WriteQueue } from '../src/write-queue.ts'
import { allOf, answersOf, useLogs } from './logs.ts'
import { manyRecords } from './many-records.ts'
import { MemorySequence } from './memory-sequencer.ts'

const BUILD_INDEX = fileURLToPath(new URL('./programs/build-index.ts', import.meta.url))
const KILLS = 6
const RECORDS = 4_000
const RUNS = 200

const logs = useLogs()
const topics = Array.from({ length: 40 }, (_, i) => `t/${i}`)

test(`an index that is killed ${KILLS} times while it is built is the same as any other`, async () => {
  const seed = testSeed()
  const random = createRandom(seed)
  for (let kill = 0; kill < KILLS; kill += 1) {
    await using child = spawnCli([logs.path('killed'), `${seed}`, `${RECORDS}`], { main: BUILD_INDEX })
    const lines = random.int(1, RUNS / KILLS)
    for (let line = 0; line < lines; line += 1) await child.nextLine()
    await child.kill('SIGKILL')
  }
  const sequence = manyRecords(seed, RECORDS)
  const killed = await logs.open(sequence, { name: 'killed' })
  const other = await logs.open(sequence)
  expect(await answersOf(killed, topics), `TAILRACE_SEED=${seed}`).toEqual(await answersOf(other, topics))
})

test('a tail misses nothing and repeats nothing when the thread of the index dies', async () => {
  const sequence = new MemorySequence()
  const queue = new WriteQueue(undefined)
  const indexed = await IndexedSequence.open({
    ...sequence.link(),
    path: logs.path('dying'),
    queue,
    warn() {},
    tended() {},
  })
  const other = await logs.open(sequence)
  const reported: StoredEvent[] = []
  const purged: string[] = []
  const losses: number[] = []
  let resumed = Promise.withResolvers<void>()
  indexed.tails.add({
    events: (events) => reported.push(...events),
    purged: (topic) => purged.push(topic),
    lost: (through) => losses.push(through),
    interrupted() {},
    resumed: () => resumed.resolve(),
    failed() {},
  })
  try {
    for (let round = 0; round < 3; round += 1) {
      const appending = Array.from({ length: 200 }, (_, i) =>
        other.append([{ topic: 'a', data: `${round} ${i}` }]),
      )
      await other.append([{ topic: `b/${round}`, data: '' }])
      const purging = other.retention.purge(`b/${round}`)
      const died = indexed.index.writer.stop()
      await Promise.all([...appending, purging, died])
      await resumed.promise
      resumed = Promise.withResolvers<void>()
    }
    const last = await other.append([{ topic: 'a', data: 'last' }])
    await expect.poll(() => reported.at(-1)?.offset).toBe(last[0]!.offset)
    const data = reported.filter(({ topic }) => topic === 'a').map((event) => event.offset)
    // What was purged before it was reported may have taken others of its record along: these are said to be lost.
    const all = (await allOf(other, 'read')).map(({ offset }) => offset)
    const missing = all.filter((offset) => !data.includes(offset))
    expect(data).toEqual(all.filter((offset) => !missing.includes(offset)))
    expect(missing.filter((offset) => offset > Math.max(0, ...losses))).toEqual([])
    expect(new Set(purged)).toEqual(new Set(['b/0', 'b/1', 'b/2']))
  } finally {
    await indexed.close()
  }
})

test('nodes whose connections break at any time agree on what was stored, and lose nothing', async () => {
  const seed = testSeed()
  const random = createRandom(seed)
  const sequence = new MemorySequence({ isLate: true })
  const nodes = [await logs.open(sequence), await logs.open(sequence)]
  const reported: number[][] = [[], []]
  for (const [i, node] of nodes.entries()) {
    await node.tail({
      events: (events) => reported[i]!.push(...events.map(({ offset }) => offset)),
      purged() {},
      lost() {},
      interrupted() {},
      resumed() {},
      failed() {},
    })
  }
  const outcomes = new Map<string, string>()
  async function publish(name: string): Promise<void> {
    const node = nodes[random.int(0, 1)]!
    const outcome = await node.append([{ topic: 'a', data: name }]).then(
      () => 'stored',
      (error: unknown) => (LogError.is(error) ? error.code : 'broken'),
    )
    outcomes.set(name, outcome)
  }
  for (let round = 0; round < 8; round += 1) {
    const publishing = Array.from({ length: 60 }, (_, i) => publish(`${round} ${i}`))
    for (let turns = random.int(0, 20); turns > 0; turns -= 1) await new Promise(setImmediate)
    sequence.cut()
    await Promise.all(publishing)
    for (const node of nodes)
      await expect
        .poll(() =>
          node.ready().then(
            () => true,
            () => false,
          ),
        )
        .toBe(true)
  }
  const stored = await allOf(nodes[0]!, 'read')
  const names = stored.map(({ data }) => data)
  expect(new Set(names).size, `TAILRACE_SEED=${seed}`).toBe(names.length)
  for (const [name, outcome] of outcomes) {
    expect(['stored', 'unreachable', 'outcome-unknown']).toContain(outcome)
    if (outcome !== 'outcome-unknown')
      expect([name, names.includes(name)]).toEqual([name, outcome === 'stored'])
  }
  for (const offsets of reported) {
    await expect.poll(() => offsets.length).toBeGreaterThanOrEqual(stored.length)
    expect(offsets, `TAILRACE_SEED=${seed}`).toEqual(stored.map(({ offset }) => offset))
  }
  expect(await answersOf(await logs.open(sequence), ['a'])).toEqual(await answersOf(nodes[1]!, ['a']))
})
