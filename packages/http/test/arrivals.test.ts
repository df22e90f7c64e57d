import { ArrivalQueue } from '@tailrace/http/node'
import { expect, test } from 'vitest'

/** Longer than a slice. */
const DEAR_MS = 6

function occupy(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}

/** Resolves once the queue has served everything that was added before. */
async function served(queue: ArrivalQueue, address: string): Promise<void> {
  await new Promise<void>((resolve) => void queue.add(address, resolve))
}

test('others are served between arrivals that cost much', async () => {
  const queue = new ArrivalQueue()
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  for (let i = 0; i < 20; i += 1) queue.add('192.0.2.1', () => occupy(DEAR_MS))
  await served(queue, '192.0.2.1')
  clearInterval(timer)
  expect(turns).toBeGreaterThanOrEqual(19)
})

test('what an arrival does in the next tick counts as well', async () => {
  const queue = new ArrivalQueue()
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  for (let i = 0; i < 20; i += 1) queue.add('192.0.2.1', () => process.nextTick(occupy, DEAR_MS))
  await served(queue, '192.0.2.1')
  clearInterval(timer)
  expect(turns).toBeGreaterThanOrEqual(19)
})

test('networks take turns, each in the order of its arrivals', async () => {
  const queue = new ArrivalQueue()
  const order: string[] = []
  const arrive = (address: string, name: string) => queue.add(address, () => order.push(name))
  for (const name of ['a1', 'a2', 'a3']) arrive('192.0.2.1', name)
  arrive('2001:db8::1', 'b1')
  arrive('192.0.2.2', 'c1')
  arrive('2001:db8::2', 'b2')
  await served(queue, '192.0.2.1')
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3'])
})

test('an arrival that has left is not served', async () => {
  const queue = new ArrivalQueue()
  const order: number[] = []
  const leave = [0, 1, 2].map((i) => queue.add('192.0.2.1', () => order.push(i)))
  leave[1]!()
  await served(queue, '192.0.2.1')
  expect(order).toEqual([0, 2])
})

test('arrivals during a turn are served after it', async () => {
  const queue = new ArrivalQueue()
  const order: string[] = []
  queue.add('192.0.2.1', () => {
    order.push('first')
    queue.add('192.0.2.1', () => order.push('second'))
  })
  await served(queue, '192.0.2.2')
  await served(queue, '192.0.2.1')
  expect(order).toEqual(['first', 'second'])
})
