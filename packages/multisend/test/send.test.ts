import { constants } from 'node:os'
import { loadSend } from '@tailrace/multisend'
import { needs } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSocketPairs } from '../../http/test/socket-pairs.ts'
import type { SocketPair, SocketPairs } from '../../http/test/socket-pairs.ts'

const gcc = needs('gcc')
const { EAGAIN, EBADF } = constants.errno
const HELLO = Buffer.from('hello')

describe.skipIf(!gcc)('send', () => {
  const send = loadSend()!
  let pairs: SocketPairs

  beforeAll(async () => {
    pairs = await startSocketPairs()
  })

  afterAll(() => pairs[Symbol.asyncDispose]())

  test('sends the same bytes to as many descriptors as it is asked to, and reports each', async () => {
    const [first, second, third] = [await pairs.open(), await pairs.open(), await pairs.open()]
    const descriptors = Int32Array.from([first, second, third], descriptorOf)
    const results = new Int32Array(3)
    expect(send(descriptors, 2, HELLO, results)).toBe(2)
    expect([...results]).toEqual([5, 5, 0])
    for (const { text } of [first, second]) await expect.poll(text).toBe('hello')
    expect(third.text()).toBe('')
  })

  test('skips a negative descriptor, and goes on after one that fails', async () => {
    const pair = await pairs.open()
    const results = new Int32Array(3)
    expect(send(Int32Array.of(-1, 2 ** 30, descriptorOf(pair)), 3, HELLO, results)).toBe(1)
    expect([...results]).toEqual([0, -EBADF, 5])
    await expect.poll(pair.text).toBe('hello')
  })

  test('does not wait for a reader that takes nothing: it takes a part, and then nothing', async () => {
    const pair = await pairs.open()
    pair.reader.pause()
    const descriptors = Int32Array.of(descriptorOf(pair))
    const results = new Int32Array(1)
    const bytes = Buffer.alloc(1_000_000, '#')
    let taken = 0
    while (send(descriptors, 1, bytes, results) === 1) taken += bytes.length
    taken += Math.max(0, results[0]!)
    expect(results[0]).toBeLessThan(bytes.length)
    while (send(descriptors, 1, bytes, results) === 0 && results[0]! > 0) taken += results[0]!
    expect(results[0]).toBe(-EAGAIN)
    pair.reader.resume()
    await expect.poll(() => pair.text().length).toBe(taken)
  })

  test.each<[string, readonly unknown[], string]>([
    ['nothing', [], 'needs an Int32Array'],
    ['descriptors of another type', [[1], 1, HELLO, new Int32Array(1)], 'needs an Int32Array'],
    ['text', [new Int32Array(1), 1, 'hello', new Int32Array(1)], 'needs an Int32Array'],
    ['more than there are descriptors', [new Int32Array(1), 2, HELLO, new Int32Array(2)], 'count exceeds'],
    [
      'more than there is room for results',
      [new Int32Array(2), 2, HELLO, new Int32Array(1)],
      'count exceeds',
    ],
    ['a count that is no number', [new Int32Array(1), 'one', HELLO, new Int32Array(1)], 'count exceeds'],
  ])('refuses %s', (_name, args, message) => {
    expect(() => (send as (...given: readonly unknown[]) => number)(...args)).toThrow(message)
  })
})

function descriptorOf({ served }: SocketPair): number {
  return (served as unknown as { _handle: { fd: number } })['_handle'].fd
}
