import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { eventually } from '../patience.ts'
import type { StreamReader } from '../reader.ts'
import type { Site } from '../site.ts'

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`)

/** Reads a topic over many short connections, each of which resumes where the one before broke off. */
async function readInPieces(site: Site, topic: string, count: number): Promise<(string | undefined)[]> {
  const data: (string | undefined)[] = []
  let cursor: string | undefined
  while (data.length < count) {
    const from = cursor === undefined ? { query: 'from=start' } : { headers: { 'last-event-id': cursor } }
    const reader = await site.open(topic, from)
    // Longer and longer, so that some break off in the replay, and some in what is live.
    await reader.received(Math.min(1 + (data.length % 23), count - data.length))
    reader.close()
    // What has arrived by now counts, though more may be under way.
    data.push(...reader.data)
    cursor = reader.events.at(-1)!.id
  }
  return data
}

export function testDelivery(check: Check): void {
  check(
    '3.6',
    'each event arrives exactly once and in order, however often a reader resumes',
    async (site) => {
      const topic = site.topic()
      const COUNT = 120
      async function publish(): Promise<void> {
        for (const data of numbers(COUNT)) await site.publish(topic, data)
      }
      const reading = [1, 2, 3].map(() => readInPieces(site, topic, COUNT))
      const [, ...readers] = await Promise.all([publish(), ...reading])
      for (const data of readers) expect(data).toEqual(numbers(COUNT))
    },
  )

  check('3.6', 'all readers see the events of several publishers in the same order', async (site) => {
    const topic = site.topic()
    const readers = await Promise.all([1, 2, 3].map(() => site.follow(topic)))
    await Promise.all(
      numbers(4).map(async (who) => {
        for (const data of numbers(15)) await site.publish(topic, `${who}.${data}`)
      }),
    )
    const [first, ...others] = await Promise.all(readers.map((reader) => reader.received(60)))
    for (const other of others) expect(other).toEqual(first)
    for (const who of numbers(4))
      expect(first!.filter((data) => data!.startsWith(`${who}.`))).toEqual(
        numbers(15).map((data) => `${who}.${data}`),
      )
    for (const reader of readers) reader.close()
  })

  check('3.6', 'a hundred readers receive everything', async (site) => {
    const topic = site.topic()
    const readers = await Promise.all(Array.from({ length: 100 }, () => site.follow(topic)))
    await site.publish(topic, ...numbers(10))
    await site.publish(topic, 'last')
    for (const reader of readers) {
      expect(await reader.received(11)).toEqual([...numbers(10), 'last'])
      reader.close()
    }
  })

  check('3.6', 'frames that are larger than any buffer arrive whole', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic)
    const large = ['a', 'é', 'line\n'].map((piece) => piece.repeat(150_000))
    for (const data of large) await site.publish(topic, data)
    await site.publish(topic, 'small')
    const data = await reader.received(4)
    // A diff of megabytes would help nobody.
    expect(data.map((one) => one?.length)).toEqual([...large, 'small'].map(({ length }) => length))
    expect(data.map((one, i) => one === [...large, 'small'][i])).toEqual([true, true, true, true])
    reader.close()
  })

  check('3.6', 'a reader that stops reading gets everything later, and delays nobody', async (site) => {
    const topic = site.topic()
    const slow = await site.follow(topic, { isAlone: true })
    slow.pause()
    const quick = await site.follow(topic)
    // Beyond what the sockets between them hold.
    const data = numbers(16).map((number) => `${number} ${'x'.repeat(500_000)}`)
    const sameAs = (reader: StreamReader): boolean[] => reader.data.map((one, i) => one === data[i])
    for (const one of data) await site.publish(topic, one)
    await quick.received(16)
    expect(sameAs(quick)).toEqual(data.map(() => true))
    slow.resume()
    await slow.received(16)
    expect(sameAs(slow)).toEqual(data.map(() => true))
    for (const reader of [slow, quick]) reader.close()
  })

  check.with('count', '3.6', 'a stream is released as soon as its reader is gone', async (site) => {
    const topic = site.topic()
    const readers = await Promise.all([1, 2, 3].map(() => site.follow(topic)))
    const count = () => site.subject.openStreams!(topic)
    expect(await count()).toBe(3)
    readers[0]!.close()
    await eventually(count, (open) => open === 2)
    for (const reader of readers) reader.close()
    await eventually(count, (open) => open === 0)
  })
}
