import { expect } from 'vitest'
import type { Check } from '../check.ts'

export function testStart(check: Check): void {
  check('3.4', 'a stream starts now, at the start, or after a cursor', async (site) => {
    const topic = site.topic()
    const [a] = await site.publish(topic, 'a', 'b', 'c')
    for (const [query, expected] of [
      ['', []],
      ['from=now', []],
      ['from=start', ['a', 'b', 'c']],
      [`from=${a}`, ['b', 'c']],
      [`lastEventId=${a}`, ['b', 'c']],
    ] as const)
      expect((await site.replay(topic, query)).data, query).toEqual(expected)
  })

  check('3.4', 'Last-Event-ID counts before lastEventId, and that before from', async (site) => {
    const topic = site.topic()
    const [a, b] = await site.publish(topic, 'a', 'b', 'c')
    expect((await site.replay(topic, `from=start&lastEventId=${b}`)).data).toEqual(['c'])
    const reader = await site.replay(topic, `from=start&lastEventId=${b}`, { 'last-event-id': a! })
    expect(reader.data).toEqual(['b', 'c'])
  })

  check(
    '3.4',
    'a reader that arrives after the response to a publish does not see its event',
    async (site) => {
      const topic = site.topic()
      for (const data of ['a', 'b', 'c']) {
        await site.publish(topic, data)
        expect((await site.replay(topic, '')).data).toEqual([])
      }
    },
  )
}
