import { expect } from 'vitest'
import type { Check } from '../check.ts'

export function testConflation(check: Check): void {
  check('3.11', 'a conflated stream has the newest event of each key, and all without one', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic, { query: 'conflate=50ms' })
    const COUNT = 2_000
    const changes = Array.from({ length: COUNT }, (_, i) => ({ topic, data: `${i}`, key: `${i % 2}` }))
    await site.publishAll([...changes, { topic, data: 'none' }, { topic, data: 'none' }])
    await site.publishAll([{ topic, data: 'last', key: 'last' }])
    await reader.until(({ data }) => data.includes('last'))
    expect(reader.data.slice(-5)).toEqual(['1998', '1999', 'none', 'none', 'last'])
    const sent = reader.data.slice(0, -3).map(Number)
    expect(sent).toEqual(sent.toSorted((a, b) => a - b))
    // Two in each interval; how many intervals there are depends on the machine.
    expect(sent.length).toBeLessThan(COUNT / 4)
    reader.close()
  })

  check(
    '3.11',
    'a conflated stream resumes without loss, and misses nothing that was replaced',
    async (site) => {
      const topic = site.topic()
      const reader = await site.follow(topic, { query: 'conflate=10ms' })
      await site.publishAll([{ topic, data: 'a', key: 'k' }])
      await reader.received(1)
      reader.close()
      await site.publishAll([
        { topic, data: 'b', key: 'k' },
        { topic, data: 'c', key: 'k' },
      ])
      const headers = { 'last-event-id': reader.events[0]!.id! }
      const resumed = await site.open(topic, { query: 'conflate=10ms', headers })
      await resumed.until(({ data }) => data.includes('c'))
      expect(['c', 'bc']).toContain(resumed.data.join(''))
      resumed.close()
    },
  )
}
