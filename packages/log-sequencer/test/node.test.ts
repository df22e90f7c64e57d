import { LogError, type CompleteEventLog, type NewEvent } from '@tailrace/log'
import { openSequencedLog } from '@tailrace/log-sequencer'
import { expectRejection, rejection } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'
import { allOf, START_TIME, trimAll, useLogs } from './logs.ts'
import { manyRecords } from './many-records.ts'
import { MemorySequence } from './memory-sequencer.ts'

const logs = useLogs()
const NO_LISTENER = { events() {}, purged() {}, lost() {}, interrupted() {}, resumed() {}, failed() {} }
const event = { topic: 'a', data: '' }

describe('appends', () => {
  test('that wait at the same time share a record', async () => {
    const sequence = new MemorySequence({ isLate: true })
    const log = await logs.open(sequence)
    const before = sequence.newest
    const appended = await Promise.all(Array.from({ length: 500 }, () => log.append([event])))
    expect(new Set(appended.map(([one]) => one!.offset)).size).toBe(500)
    expect(sequence.newest - before).toBeLessThan(20)
  })

  test('are refused with the limit of the engine if they are too large for it, and alone', async () => {
    const sequence = new MemorySequence({ maxRecordBytes: 10_000 })
    const log = await logs.open(sequence)
    const large = log.append([{ topic: 'a', data: 'x'.repeat(10_000) }])
    const fitting = Array.from({ length: 20 }, () => log.append([{ topic: 'a', data: 'x'.repeat(5_000) }]))
    expect((await expectRejection(large, 'too-large')).details).toMatchObject({ limit: 10_000 })
    expect(await Promise.all(fitting)).toHaveLength(20)
    expect(Math.max(...sequence.records.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(10_000)
  })

  test('wait in a bounded amount of memory', async () => {
    const sequence = new MemorySequence({ isLate: true })
    const log = await logs.open(sequence)
    const data = 'x'.repeat(8 * 2 ** 20)
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () =>
        log.append([{ topic: 'a', data }]).then(
          () => 'stored',
          (error: LogError) => error.code,
        ),
      ),
    )
    expect(new Set(outcomes)).toEqual(new Set(['stored', 'busy']))
    expect(outcomes.filter((outcome) => outcome === 'stored').length).toBeGreaterThan(5)
  })

  test('are rejected, not forgotten, if no node applies their record', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence)
    await expectRejection(log.shared.note({ key: 'k'.repeat(300), until: START_TIME }), 'unwritable')
    expect(await log.append([event])).toHaveLength(1)
  })
})

describe('retention', () => {
  const rules = [{ selector: '**', maxCount: 0 }]

  test('is left to the node that is at work', async () => {
    const sequence = new MemorySequence()
    const [one, other] = [await logs.open(sequence), await logs.open(sequence)]
    await one.append(Array.from({ length: 1_200 }, () => event))
    expect(await one.retention.trim(rules, START_TIME)).toEqual({ removed: 500, done: false })
    await other.describe()
    expect(await other.retention.trim(rules, START_TIME)).toEqual({ removed: 0, done: true })
    expect(await trimAll(one, rules, START_TIME)).toBe(700)
    expect(await allOf(other, 'read')).toEqual([])
  })

  test('forgets the oldest idempotency keys of a topic beyond its bytes, on every node', async () => {
    const sequence = new MemorySequence()
    const [one, other] = [await logs.open(sequence), await logs.open(sequence)]
    const keyed = (i: number): NewEvent => ({ topic: 'a', data: '', idempotencyKey: `${i}` })
    for (let i = 0; i < 100; i += 1) await one.append([keyed(i)])
    await trimAll(one, [{ selector: '**', maxBytes: 1_000 }], Date.now())
    expect(await other.append([keyed(99)])).toMatchObject([{ duplicate: true }])
    expect(await other.append([keyed(0)])).toMatchObject([{ duplicate: false }])
    expect(await one.append([keyed(0)])).toMatchObject([{ duplicate: true }])
  })

  test('writes nothing if there is nothing to remove', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence)
    await log.append([event])
    const { newest } = sequence
    await trimAll(log, [{ selector: '**', maxCount: 5 }], START_TIME)
    expect(sequence.newest).toBe(newest)
  })
})

describe('a node', () => {
  async function cutOff(sequence: MemorySequence): Promise<[CompleteEventLog, () => void]> {
    const link = sequence.link()
    const log = await openSequencedLog({ connect: link.connect, index: logs.path('cut') })
    await log.append([event])
    link.interrupt()
    return [log, () => link.restore()]
  }

  test('that was cut off for so long that records are gone fails, and starts again from a checkpoint', async () => {
    const sequence = new MemorySequence()
    const other = await logs.open(sequence)
    const [log, restore] = await cutOff(sequence)
    const failed = Promise.withResolvers<LogError>()
    await log
      .tail({ ...NO_LISTENER, failed: failed.resolve })
      .catch(() => failed.resolve(new LogError('closed', '')))
    for (let round = 0; round < 2; round += 1) {
      for (let i = 0; i < 5; i += 1) await other.append([{ topic: 'large', data: 'x'.repeat(4 * 2 ** 20) }])
      await trimAll(other, [{ selector: 'large', maxCount: 0 }], START_TIME)
    }
    expect(sequence.oldest).toBeGreaterThan(3)
    restore()
    await expect.poll(async () => (await rejection(log.ready())).code).toBe('replaced')
    await log.close()
    const again = await logs.open(sequence, { name: 'cut' })
    expect(await allOf(again, 'read')).toEqual(await allOf(other, 'read'))
    expect(await again.describe()).toEqual(await other.describe())
  })

  test('that stood still for so long that records are gone fails, though its connection did not', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence)
    await log.append([event])
    const failed = Promise.withResolvers<LogError>()
    await log.tail({ ...NO_LISTENER, failed: failed.resolve })
    const gate = Promise.withResolvers<void>()
    sequence.gate = gate.promise
    for (let i = 0; i < 5; i += 1) sequence.append(Buffer.from(`${i}`))
    sequence.trim(sequence.newest - 1)
    gate.resolve()
    expect(await failed.promise).toMatchObject({ code: 'replaced' })
  })

  test('that is behind when records are removed which it has read goes on', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence)
    await log.append([event])
    const failures: LogError[] = []
    await log.tail({ ...NO_LISTENER, failed: (error) => failures.push(error) })
    sequence.trim(sequence.newest - 1)
    // Not every position has a record.
    sequence.newest += 3
    await log.append([event])
    expect(await allOf(log, 'read')).toHaveLength(2)
    expect(failures).toEqual([])
  })

  test('whose index takes long is open, and says how far it is', async () => {
    const sequence = manyRecords(1, 11_000)
    const gate = Promise.withResolvers<void>()
    sequence.gate = gate.promise
    const sentences: string[] = []
    const log = await logs.open(sequence, { warn: (sentence) => sentences.push(sentence) })
    for (const call of [log.ready(), log.describe(), log.append([event]), log.tail(NO_LISTENER)]) {
      const error = await expectRejection(call, 'unreachable')
      expect(error.details).toEqual({ position: 0, newest: 11_000 })
    }
    gate.resolve()
    await expect
      .poll(() =>
        log.ready().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    expect(sentences).toEqual([
      expect.stringContaining('is being built from about 11000 records'),
      expect.stringContaining('is complete'),
    ])
  })

  test('opens without its engine, and is ready once that can be reached', async () => {
    const sequence = new MemorySequence()
    const link = sequence.link()
    link.interrupt()
    const log = await openSequencedLog({ connect: link.connect, index: logs.path('early') })
    await expectRejection(log.ready(), 'unreachable')
    await expectRejection(log.describe(), 'unreachable')
    link.restore()
    await expect
      .poll(() =>
        log.ready().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    expect(await log.append([event])).toHaveLength(1)
    await log.close()
  })
})
