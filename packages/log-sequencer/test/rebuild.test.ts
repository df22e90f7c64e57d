import { IDEMPOTENCY_WINDOW_MS, type CompleteEventLog, type NewEvent } from '@tailrace/log'
import { createRandom, testSeed } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { allOf, answersOf, START_TIME, trimAll, useLogs } from './logs.ts'
import { MemorySequence } from './memory-sequencer.ts'

const logs = useLogs()
const TOPICS = Array.from({ length: 12 }, (_, i) => `t/${i}`)
const RULES = [
  { selector: 't/0', maxCount: 3 },
  { selector: 't/1', maxAgeMs: 1_000 },
  { selector: 't/*', maxCount: 20, maxBytes: 2_000 },
]
/** Five of them are a reason for a checkpoint. */
const LARGE = 'x'.repeat(4 * 2 ** 20)

/** Does everything that changes a log, in an order that the seed decides. */
async function live(log: CompleteEventLog, rounds: number, setClock: (time: number) => void): Promise<void> {
  const random = createRandom(testSeed())
  for (let round = 0; round < rounds; round += 1) {
    const time = START_TIME + round * 100
    setClock(time)
    const batch = Array.from({ length: random.int(1, 20) }, (): NewEvent => {
      const key = random.int(0, 2) === 0 ? `k${random.int(0, 5)}` : undefined
      return {
        topic: TOPICS[random.int(0, TOPICS.length - 1)]!,
        data: 'é'.repeat(random.int(0, 50)),
        key,
        remove: key !== undefined && random.int(0, 5) === 0,
        end: random.int(0, 60) === 0,
        idempotencyKey: random.int(0, 2) === 0 ? `i${random.int(0, 30)}` : undefined,
      }
    })
    await log.append(batch).catch((error: { code: string }) => expect(error.code).toBe('topic-ended'))
    if (random.int(0, 4) === 0) await log.shared.note({ key: `n${random.int(0, 9)}`, until: time + 5_000 })
    if (random.int(0, 9) === 0) await log.retention.purge(TOPICS[random.int(0, TOPICS.length - 1)]!)
    if (random.int(0, 9) === 0) await trimAll(log, RULES, time)
  }
}

async function fill(log: CompleteEventLog): Promise<void> {
  for (let i = 0; i < 5; i += 1) await log.append([{ topic: 'large', data: LARGE }])
  await trimAll(log, [{ selector: 'large', maxCount: 1 }, ...RULES], START_TIME)
}

describe('an index that is built again', () => {
  test('gives the same answers as one that has been there from the beginning', async () => {
    let time = START_TIME
    const sequence = new MemorySequence()
    const log = await logs.open(sequence, { now: () => time })
    await live(log, 150, (now) => (time = now))
    const again = await logs.open(sequence, { now: () => time })
    expect(await answersOf(again, TOPICS)).toEqual(await answersOf(log, TOPICS))
  })

  test('gives the same answers from a checkpoint, when the records before it are gone', async () => {
    let time = START_TIME
    const sequence = new MemorySequence()
    const log = await logs.open(sequence, { now: () => time })
    for (let round = 0; round < 3; round += 1) {
      await live(log, 60, (now) => (time = now))
      await fill(log)
    }
    await live(log, 20, (now) => (time = now))
    expect(sequence.oldest).toBeGreaterThan(100)
    const again = await logs.open(sequence, { now: () => time })
    expect(await answersOf(again, TOPICS)).toEqual(await answersOf(log, TOPICS))
    // And goes on like the others.
    const event = { topic: 'b', data: '', idempotencyKey: 'once', end: true }
    const [first] = await again.append([event])
    expect(await log.append([event])).toEqual([{ offset: first!.offset, duplicate: true }])
    await live(again, 20, (now) => (time = now))
    expect(await answersOf(again, TOPICS)).toEqual(await answersOf(log, TOPICS))
  })

  test('knows the answers to repeats of events whose records are gone, until their window is over', async () => {
    let time = START_TIME
    const sequence = new MemorySequence()
    const log = await logs.open(sequence, { now: () => time })
    const event = { topic: 'a', data: '', idempotencyKey: 'once' }
    const [first] = await log.append([event])
    for (let round = 0; round < 2; round += 1) await fill(log)
    expect(sequence.oldest).toBeGreaterThan(2)
    const again = await logs.open(sequence, { now: () => time })
    expect(await again.append([event])).toEqual([{ offset: first!.offset, duplicate: true }])
    time += IDEMPOTENCY_WINDOW_MS
    expect(await again.append([event])).toMatchObject([{ duplicate: false }])
  })

  test('is the same after records that were stored twice', async () => {
    let time = START_TIME
    const sequence = new MemorySequence()
    sequence.storesTwice = true
    const log = await logs.open(sequence, { now: () => time })
    await live(log, 40, (now) => (time = now))
    const events = await allOf(log, 'read')
    expect(new Set(events.map(({ offset }) => offset)).size).toBe(events.length)
    const again = await logs.open(sequence, { now: () => time })
    expect(await answersOf(again, TOPICS)).toEqual(await answersOf(log, TOPICS))
  })
})

test('a sequence stays a few times as large as its index, whatever is written', async () => {
  const sequence = new MemorySequence()
  const log = await logs.open(sequence)
  for (let round = 0; round < 6; round += 1) await fill(log)
  const bytes = sequence.records.reduce((sum, record) => sum + record.bytes.length, 0)
  expect(bytes).toBeLessThan(100 * 2 ** 20)
  expect(bytes).toBeGreaterThan(4 * 2 ** 20)
})

test('what the engine removes by itself is not lost, as long as one node is open', async () => {
  const sequence = new MemorySequence()
  const log = await logs.open(sequence)
  await log.append([{ topic: 'a', data: '1', key: 'k' }])
  sequence.trim(sequence.newest)
  await trimAll(log, [], 0)
  const again = await logs.open(sequence)
  expect(await answersOf(again, ['a'])).toEqual(await answersOf(log, ['a']))
  expect(await allOf(again, 'read')).toHaveLength(1)
})
