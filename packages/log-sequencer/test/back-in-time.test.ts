import { fileURLToPath } from 'node:url'
import { openReopeningLog, type CompleteEventLog, type LogError } from '@tailrace/log'
import { openSequencedLog } from '@tailrace/log-sequencer'
import { expectRejection } from '@tailrace/log-suite'
import { spawnCli } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { decodeRecord } from '../src/record/decode.ts'
import { allOf, answersOf, START_TIME, trimAll, useLogs } from './logs.ts'
import { manyRecords } from './many-records.ts'
import { MemorySequence, type MemoryLink } from './memory-sequencer.ts'

const RENEW_EPOCH = fileURLToPath(new URL('./programs/renew-epoch.ts', import.meta.url))
const NO_LISTENER = { events() {}, purged() {}, lost() {}, interrupted() {}, resumed() {}, failed() {} }

const logs = useLogs()

async function publish(log: CompleteEventLog, ...data: string[]): Promise<number> {
  let last = 0
  for (const one of data) last = (await log.append([{ topic: 'a', data: one }]))[0]!.offset
  return last
}

async function epochOf(log: CompleteEventLog): Promise<string> {
  return (await log.describe()).epoch
}

const dataOf = async (log: CompleteEventLog): Promise<string[]> =>
  (await allOf(log, 'read')).map(({ data }) => data)

/** Opens a log that is opened again after it was replaced, as a hub does. */
async function openAsHub(name: string, { connect }: MemoryLink): Promise<CompleteEventLog> {
  const log = await openReopeningLog(() => openSequencedLog({ connect, index: logs.path(name) }))
  onTestFinished(() => log.close())
  return log as CompleteEventLog
}

async function failureOf(log: CompleteEventLog): Promise<() => LogError | undefined> {
  let failure: LogError | undefined
  await log.tail({ ...NO_LISTENER, failed: (error) => (failure = error) })
  return () => failure
}

async function becomesReady(log: CompleteEventLog): Promise<void> {
  const isReady = (): Promise<boolean> =>
    log.ready().then(
      () => true,
      () => false,
    )
  await expect.poll(isReady, { timeout: 20_000 }).toBe(true)
}

function renewals(sequence: MemorySequence): number {
  return sequence.records
    .map(({ bytes }) => decodeRecord(bytes))
    .filter((record) => typeof record === 'object' && record.entries.some(({ kind }) => kind === 'epoch'))
    .length
}

describe('an engine that went back in time', () => {
  test('while a node runs makes the log another one, in place', async () => {
    const sequence = new MemorySequence()
    const log = await openAsHub('one', sequence.link())
    await publish(log, 'kept', 'lost')
    const before = await epochOf(log)
    const failure = await failureOf(log)
    sequence.rewind(1)
    await expect.poll(failure).toMatchObject({ code: 'replaced' })
    await becomesReady(log)
    const epoch = await epochOf(log)
    expect(epoch).not.toBe(before)
    await publish(log, 'added')
    expect(await dataOf(log)).toEqual(['kept', 'added'])
    expect(await epochOf(await logs.open(sequence))).toBe(epoch)
  })

  test('while a node was stopped is noticed when it is opened, and said', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence, { name: 'one' })
    await publish(log, 'kept', 'lost')
    const before = await epochOf(log)
    await log.close()
    sequence.rewind(1)
    const sentences: string[] = []
    const again = await logs.open(sequence, { name: 'one', warn: (sentence) => sentences.push(sentence) })
    expect(await epochOf(again)).not.toBe(before)
    expect(await dataOf(again)).toEqual(['kept'])
    expect(sentences).toEqual([
      expect.stringMatching(/newest record is at position 2, .* has applied 3.*gap/),
    ])
  })

  test('is noticed by the node that knows what was lost, although others have filled its place', async () => {
    const sequence = new MemorySequence()
    const [link, other] = [sequence.link(), await logs.open(sequence)]
    const log = await openAsHub('one', link)
    const stopped = await logs.open(sequence, { name: 'stopped' })
    await publish(log, 'kept')
    await epochOf(other)
    const before = await epochOf(log)
    // It does not learn of what is lost.
    await other.close()
    await publish(log, 'lost 1', 'lost 2')
    await epochOf(stopped)
    await stopped.close()
    const failure = await failureOf(log)
    link.interrupt()
    sequence.rewind(2)
    const late = await logs.open(sequence)
    const lateFailure = await failureOf(late)
    await publish(late, 'a', 'b', 'c', 'd')
    expect(await epochOf(late)).toBe(before)
    link.restore()
    await expect.poll(failure, { timeout: 20_000 }).toMatchObject({ code: 'replaced' })
    await becomesReady(log)
    const epoch = await epochOf(log)
    expect(epoch).not.toBe(before)
    expect(await dataOf(log)).toEqual(['kept', 'a', 'b', 'c', 'd'])
    // The readers of the others learn of it in the order of the records.
    await expect.poll(lateFailure).toMatchObject({ code: 'replaced' })
    await expectRejection(publish(late, 'e'), 'replaced')
    expect(await epochOf(await logs.open(sequence, { name: 'stopped' }))).toBe(epoch)
    expect(renewals(sequence)).toBe(1)
  })

  test('gets one new epoch, although several nodes notice at the same time', async () => {
    const sequence = new MemorySequence({ isLate: true })
    const names = ['one', 'two', 'three', 'four']
    const nodes = await Promise.all(names.map((name) => openAsHub(name, sequence.link())))
    await publish(nodes[0]!, 'kept', 'lost')
    const before = await Promise.all(nodes.map(epochOf))
    sequence.rewind(1)
    await expect
      .poll(() =>
        Promise.all(nodes.map(epochOf)).then(
          (all) => !all.includes(before[0]!),
          () => false,
        ),
      )
      .toBe(true)
    const epochs = new Set(await Promise.all(nodes.map(epochOf)))
    expect(epochs.size).toBe(1)
    for (const [i, node] of nodes.entries()) await publish(node, `${i}`)
    for (const node of nodes) expect(await dataOf(node)).toEqual(['kept', '0', '1', '2', '3'])
  })

  test('is remembered by a node that is killed before it has written so', async () => {
    const seed = 1
    const before = manyRecords(seed, 60)
    const log = await logs.open(before, { name: 'killed' })
    const epoch = await epochOf(log)
    await log.close()
    for (let kill = 0; kill < 2; kill += 1) {
      await using child = spawnCli([logs.path('killed'), `${seed}`, '40'], { main: RENEW_EPOCH })
      expect(await child.nextLine()).toBe('appending')
      await child.kill('SIGKILL')
    }
    const sequence = manyRecords(seed, 40)
    const again = await logs.open(sequence, { name: 'killed' })
    expect(await epochOf(again)).not.toBe(epoch)
    expect(renewals(sequence)).toBe(1)
    const other = await logs.open(sequence)
    expect(await answersOf(again, ['t/1'])).toEqual(await answersOf(other, ['t/1']))
  })

  test('twice, and the second time to before it got its epoch, gets a third one', async () => {
    const sequence = new MemorySequence()
    const epochs: string[] = []
    for (const count of [0, 1, 2]) {
      if (count > 0) sequence.rewind(count)
      const log = await logs.open(sequence, { name: 'one' })
      epochs.push(await epochOf(log))
      if (count === 0) await publish(log, 'kept', 'lost')
      else await publish(log, 'lost again')
      await log.close()
    }
    expect(new Set(epochs).size).toBe(3)
    expect(await dataOf(await logs.open(sequence))).toEqual(['kept', 'lost again'])
  })
})

describe('a new epoch', () => {
  test('is never one that was before, on a node that knows it only from the records', async () => {
    const sequence = new MemorySequence()
    const first = await logs.open(sequence, { name: 'first' })
    await publish(first, 'kept', 'lost')
    const epochs = [await epochOf(first)]
    await first.close()
    sequence.rewind(1)
    epochs.push(await epochOf(await logs.open(sequence, { name: 'first' })))
    const other = await openAsHub('other', sequence.link())
    expect(await epochOf(other)).toBe(epochs[1])
    const failure = await failureOf(other)
    sequence.rewind(1)
    await expect.poll(failure).toMatchObject({ code: 'replaced' })
    await becomesReady(other)
    expect(epochs).not.toContain(await epochOf(other))
  })

  const LARGE = 'x'.repeat(4 * 2 ** 20)

  async function outgrow(sequence: MemorySequence, log: CompleteEventLog): Promise<void> {
    const { oldest } = sequence
    while (sequence.oldest === oldest) {
      await log.append([{ topic: 'large', data: LARGE }])
      await trimAll(log, [{ selector: 'large', maxCount: 0 }], START_TIME)
    }
  }

  test('is that of an index which is built from a checkpoint', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence, { name: 'one' })
    await publish(log, 'kept', 'lost')
    await log.close()
    sequence.rewind(1)
    const again = await logs.open(sequence, { name: 'one' })
    for (let i = 0; i < 2; i += 1) await outgrow(sequence, again)
    expect(renewals(sequence)).toBe(0)
    expect(await answersOf(await logs.open(sequence), ['a'])).toEqual(await answersOf(again, ['a']))
  })

  test('begins also if the records that took the place of the lost ones are only left in a checkpoint', async () => {
    const sequence = new MemorySequence()
    const [log, other] = [await logs.open(sequence, { name: 'one' }), await logs.open(sequence)]
    await publish(other, 'kept')
    await publish(log, 'lost')
    const before = await epochOf(log)
    for (const node of [log, other]) await node.close()
    sequence.rewind(1)
    const fresh = await logs.open(sequence)
    for (let i = 0; i < 2; i += 1) await outgrow(sequence, fresh)
    expect(await epochOf(fresh)).toBe(before)
    const again = await logs.open(sequence, { name: 'one' })
    const epoch = await epochOf(again)
    expect(epoch).not.toBe(before)
    expect(await dataOf(again)).toEqual(['kept'])
    // But not for a node that was only away for long.
    await again.close()
    const last = await logs.open(sequence)
    for (let i = 0; i < 2; i += 1) await outgrow(sequence, last)
    expect(await epochOf(await logs.open(sequence, { name: 'one' }))).toBe(epoch)
  })
})
