import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'
import { topicPath } from '../subject.ts'

export function testPurge(checkAll: Check): void {
  checkAll.with('topics', '2.7', 'a purge removes all events of a topic, and its end', async (site) => {
    const topic = site.topic()
    await site.publishAll([
      { topic, data: 'a' },
      { topic, data: 'b', end: true },
    ])
    expect(await site.ask(topicPath(topic), { method: 'DELETE' })).toMatchObject({ status: 204, text: '' })
    expect(await site.stored(topic)).toEqual([])
    await site.publish(topic, 'c')
    expect(await site.stored(topic)).toEqual(['c'])
  })

  checkAll.with('topics', '2.7', 'a topic that does not exist cannot be purged', async (site) => {
    expectProblem(await site.ask(topicPath(site.topic()), { method: 'DELETE' }), 404, 'unknown-topic')
  })

  checkAll.with(
    'topics',
    '3.9',
    'a reader whose events were purged receives a gap (expired)',
    async (site) => {
      const topic = site.topic()
      const [first] = await site.publish(topic, 'a', 'b')
      await site.ask(topicPath(topic), { method: 'DELETE' })
      await site.publish(topic, 'c')
      const reader = await site.replay(topic, '', { 'last-event-id': first! })
      const gap = await reader.control('tailrace.gap')
      expect(JSON.parse(gap.data!)).toMatchObject({ reason: 'expired', from: first })
      expect(reader.data).toEqual(['c'])
      expect(reader.frames.indexOf(gap)).toBeLessThan(reader.frames.findIndex(({ data }) => data === 'c'))
    },
  )

  checkAll.with(
    'topics',
    '3.9',
    'a connected reader that is slower than a purge receives a gap (overflow)',
    async (site) => {
      const topic = site.topic()
      const slow = await site.follow(topic, { isAlone: true })
      slow.pause()
      // Beyond what the sockets between them hold, in frames between which a stream can stop.
      const data = Array.from({ length: 100 }, () => 'x'.repeat(10_000))
      for (let i = 0; i < 10; i += 1) await site.publish(topic, ...data)
      await site.ask(topicPath(topic), { method: 'DELETE' })
      await site.publish(topic, 'after')
      slow.resume()
      const gap = await slow.control('tailrace.gap')
      const last = slow.frames[slow.frames.indexOf(gap) - 1]!
      expect(JSON.parse(gap.data!)).toMatchObject({ reason: 'overflow', from: last.id })
      await slow.until((reader) => reader.data.includes('after'))
      expect(slow.frames[slow.frames.indexOf(gap) + 1]).toMatchObject({ data: 'after' })
      slow.close()
    },
  )
}
