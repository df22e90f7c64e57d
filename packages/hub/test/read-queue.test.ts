import { expect, test } from 'vitest'
import { Counters } from '../src/counters.ts'
import { ReadQueue } from '../src/read-queue.ts'

const isHere = (): boolean => false

/** A queue whose reads are done one after the other, when they are told to. */
function createQueue(maxWaiting: number) {
  const counters = new Counters()
  const queue = new ReadQueue(maxWaiting, counters)
  const started: string[] = []
  const running: (() => void)[] = []
  const ask = (client: string, isGone = isHere): Promise<void> =>
    queue.run(client, isGone, () => {
      started.push(client)
      return new Promise((resolve) => running.push(resolve))
    })
  async function finishAll(): Promise<void> {
    while (running.length > 0) {
      running.shift()!()
      await new Promise(setImmediate)
    }
  }
  return { counters, started, ask, finishAll }
}

test('a few reads are under way at a time, and all others wait', async () => {
  const { counters, started, ask, finishAll } = createQueue(100)
  const reads = Array.from({ length: 20 }, () => ask('a'))
  await new Promise(setImmediate)
  expect([started.length, counters.readsWaiting]).toEqual([4, 16])
  await finishAll()
  await Promise.all(reads)
  expect([started.length, counters.readsWaiting]).toEqual([20, 0])
})

test('clients take turns, however much one of them asks for', async () => {
  const { started, ask, finishAll } = createQueue(1000)
  const reads = [
    ...Array.from({ length: 200 }, () => ask('greedy')),
    ...Array.from({ length: 3 }, () => ask('modest')),
    ask('late'),
  ]
  await finishAll()
  await Promise.all(reads)
  expect(started).toHaveLength(204)
  const rest = started.slice(4, 12).join(' ')
  expect(rest).toBe('greedy modest late greedy modest greedy modest greedy')
})

test('what nobody waits for any more is not read when its turn comes', async () => {
  const { counters, started, ask, finishAll } = createQueue(1000)
  let hasLeft = false
  const leaving = Promise.allSettled(Array.from({ length: 50 }, () => ask('leaving', () => hasLeft)))
  const staying = ask('staying')
  hasLeft = true
  await finishAll()
  await staying
  const outcomes = await leaving
  expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(46)
  expect(started).toEqual([...Array(4).fill('leaving'), 'staying'])
  expect(counters.readsWaiting).toBe(0)
})

test('one client may have a quarter of all that wait, and all together no more than that', async () => {
  const { counters, ask, finishAll } = createQueue(40)
  const first = Array.from({ length: 14 }, () => ask('0'))
  const refusal = { code: 'busy', details: { limit: 'max-queued-reads' } }
  await expect(ask('0')).rejects.toMatchObject(refusal)
  const others = ['1', '2', '3'].flatMap((client) => Array.from({ length: 10 }, () => ask(client)))
  expect(counters.readsWaiting).toBe(40)
  await expect(ask('4')).rejects.toMatchObject(refusal)
  expect(counters.readsRefused).toBe(2)
  await finishAll()
  await Promise.all([...first, ...others])
})

test('a read that fails makes room for the next', async () => {
  const queue = new ReadQueue(100, new Counters())
  const fail = (): Promise<never> => Promise.reject(new Error('no'))
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => queue.run('a', isHere, fail)))
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
  expect(await queue.run('a', isHere, async () => 'read')).toBe('read')
})
