import { expect } from 'vitest'
import type { Check } from '../check.ts'

export function testControlEvents(check: Check): void {
  check('3.8', 'a reader can resume from tailrace.live, before it has received any event', async (site) => {
    const topic = site.topic()
    const { id } = await (await site.replay(topic, '')).control('tailrace.live')
    await site.publish(topic, 'a', 'b')
    expect((await site.replay(topic, '', { 'last-event-id': id! })).data).toEqual(['a', 'b'])
  })

  check('3.8', 'tailrace.live comes after the replay', async (site) => {
    const topic = site.topic()
    await site.publish(topic, 'a', 'b')
    const reader = await site.replay(topic, 'from=start')
    expect(reader.frames.map(({ event, data }) => event ?? data)).toEqual([
      undefined,
      'a',
      'b',
      'tailrace.live',
    ])
  })

  check(
    '3.8',
    'when all topics have ended, tailrace.end comes last, and the stream is complete',
    async (site) => {
      const topics = [site.topic(), site.topic()] as const
      const reader = await site.follow(topics)
      await site.publishAll([{ topic: topics[0], data: 'first', end: true }])
      await site.publishAll([{ topic: topics[1], data: 'second', end: true }])
      await reader.end()
      expect(reader.data).toEqual(['first', 'second'])
      expect(reader.frames.at(-1)).toMatchObject({
        event: 'tailrace.end',
        data: JSON.stringify({ topic: topics[1] }),
      })
      expect(reader.frames.at(-1)!.id).toBeDefined()
      expect(reader.isComplete()).toBe(true)
    },
  )

  check('3.14', 'a reader that has seen the end receives 204', async (site) => {
    const topic = site.topic()
    const [, last] = await site.publishAll([
      { topic, data: 'a' },
      { topic, data: 'b', end: true },
    ])
    const reader = await site.open(topic, { headers: { 'last-event-id': last! } })
    await reader.end()
    expect([reader.status, reader.text]).toEqual([204, ''])
    const late = await site.open(topic, { query: 'from=start' })
    await late.end()
    expect(late.data).toEqual(['a', 'b'])
  })
}
