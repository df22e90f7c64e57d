import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { eventually } from '../patience.ts'
import type { StreamReader } from '../reader.ts'
import { expectProblem, type Site } from '../site.ts'

const RETRY = { retry: expect.stringMatching(/^\d+$/) as unknown }
const MAX_CONNECTIONS = 16

/** A stream is refused: within a stream if its reader asks for one, and otherwise by the status (3.15). */
async function expectRefusal(site: Site, reader: StreamReader, status: number, code: string): Promise<void> {
  await reader.end()
  expect(reader.status).toBe(200)
  expect(reader.frames).toEqual([RETRY, { event: 'tailrace.error', data: JSON.stringify({ code }) }])
  const other = await site.ask(site.paths.stream([site.topic()], ''), { headers: { accept: '*/*' } })
  expectProblem(other, status, code)
  expect(other.headers['retry-after']).toEqual(expect.stringMatching(/^\d+$/))
}

/** Each of these has a subject of its own. */
export function testLimits(check: Check): void {
  check.within(
    { maxStreamsPerAddress: 2 },
    '6.2',
    'an address has a limited number of streams, and may open another once one is gone',
    async (site) => {
      const topic = site.topic()
      const [first, second] = [await site.follow(topic), await site.follow(topic)]
      await expectRefusal(site, await site.open(topic), 429, 'too-many-connections')
      first.close()
      const next = async (): Promise<string | undefined> => {
        const reader = await site.open(topic)
        await reader.until(({ frames }) => frames.length > 1)
        return reader.frames[1]!.event
      }
      await eventually(next, (event) => event === 'tailrace.live')
      await site.publish(topic, 'x')
      expect(await second.received(1)).toEqual(['x'])
    },
  )

  check.within(
    { publishRate: 1 },
    '6.2',
    'beyond the events of a second, publishes are refused with 429, and a larger batch with 413',
    async (site) => {
      const topic = site.topic()
      const publish = (body: string, type: string) =>
        site.ask(site.paths.publish(topic), { method: 'POST', headers: { 'content-type': type }, body })
      const batch = '{"data":"x"}\n'.repeat(2)
      expectProblem(await publish(batch, 'application/x-ndjson'), 413, 'batch-too-large')
      let answer = await publish('x', 'text/plain')
      let count = 0
      for (; answer.status === 201; count += 1) answer = await publish('x', 'text/plain')
      expectProblem(answer, 429, 'too-many-publishes')
      expect(answer.headers['retry-after']).toEqual(expect.stringMatching(/^\d+$/))
      expect(await site.stored(topic)).toHaveLength(count)
    },
  )

  check.within(
    { maxConnections: MAX_CONNECTIONS },
    '6.7',
    'a hub without room refuses further streams, and serves those that are open',
    async (site) => {
      const topic = site.topic()
      const open: StreamReader[] = []
      let refused: StreamReader | undefined
      while (refused === undefined && open.length < MAX_CONNECTIONS) {
        const reader = await site.open(topic)
        await reader.until(({ frames }) => frames.length > 1)
        if (reader.frames[1]!.event === 'tailrace.live') open.push(reader)
        else refused = reader
      }
      await expectRefusal(site, refused!, 503, 'overloaded')
      await site.publish(topic, 'x')
      for (const reader of open) expect(await reader.received(1)).toEqual(['x'])
    },
  )

  check.within(
    { maxStreamAgeMs: 100 },
    '3.12',
    'a stream that has reached its age ends, and its reader returns',
    async (site) => {
      const topic = site.topic()
      const reader = await site.follow(topic)
      await reader.end()
      expect(reader.frames.at(-1)).toEqual({ event: 'tailrace.error', data: '{"code":"max-age"}' })
      expect(reader.isComplete()).toBe(true)
      const { id } = reader.frames.at(-2)!
      await site.publish(topic, 'x')
      expect((await site.replay(topic, '', { 'last-event-id': id! })).data).toEqual(['x'])
    },
  )
}
