import { expect } from 'vitest'
import type { Check } from '../check.ts'

/** The cursor of 3.5, which is one of another log. */
const FOREIGN = 'k7x2m4pq.1042'

export function testGaps(check: Check): void {
  check(
    '3.9',
    'a text that is not a cursor is answered with a gap (unknown), which repeats it',
    async (site) => {
      const topic = site.topic()
      const [oldest] = await site.publish(topic, 'a', 'b')
      const reader = await site.replay(topic, '', { 'last-event-id': 'nonsense' })
      const gap = await reader.control('tailrace.gap')
      expect(JSON.parse(gap.data!)).toEqual({ reason: 'unknown', from: 'nonsense', oldest })
      expect(reader.frames.indexOf(gap)).toBe(1)
      expect(reader.data).toEqual(['a', 'b'])
    },
  )

  check('3.9', 'a cursor of another log is answered with a gap (epoch)', async (site) => {
    const topic = site.topic()
    await site.publish(topic, 'a')
    const reader = await site.replay(topic, '', { 'last-event-id': FOREIGN })
    const gap = await reader.control('tailrace.gap')
    expect(JSON.parse(gap.data!)).toMatchObject({ reason: 'epoch', from: FOREIGN })
    expect(reader.data).toEqual(['a'])
  })

  check('3.9', 'of a longer text, a gap repeats the first 64 characters', async (site) => {
    const reader = await site.replay(site.topic(), `lastEventId=${'x'.repeat(100)}`)
    const gap = await reader.control('tailrace.gap')
    expect(JSON.parse(gap.data!)).toMatchObject({ reason: 'unknown', from: 'x'.repeat(64) })
  })

  check(
    '3.10',
    'after a gap, a reader gets what it asked for: everything, new events, or a snapshot',
    async (site) => {
      const topic = site.topic()
      await site.publishAll([
        { topic, data: 'a', key: 'k' },
        { topic, data: 'b', key: 'k' },
      ])
      for (const [policy, expected] of [
        ['replay', ['a', 'b']],
        ['live', []],
        ['snapshot', ['b']],
      ] as const) {
        const reader = await site.replay(topic, `gap=${policy}`, { 'last-event-id': 'nonsense' })
        expect(reader.frames[1]).toMatchObject({ event: 'tailrace.gap' })
        expect(reader.data, policy).toEqual(expected)
      }
    },
  )

  check('3.10', 'with gap=close, the stream ends after the gap', async (site) => {
    const topic = site.topic()
    await site.publish(topic, 'a')
    const reader = await site.open(topic, { query: 'gap=close', headers: { 'last-event-id': 'nonsense' } })
    await reader.end()
    expect(reader.frames.map(({ event, data }) => event ?? data)).toEqual([undefined, 'tailrace.gap'])
    expect(reader.isComplete()).toBe(true)
  })
}
