import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'

export function testSnapshots(check: Check): void {
  check(
    '3.7',
    'a snapshot has the newest event of each key, without ids, and then tailrace.live',
    async (site) => {
      const topic = site.topic()
      await site.publishAll([
        { topic, data: 'a1', key: 'a' },
        { topic, data: 'b1', key: 'b' },
        { topic, data: 'none' },
        { topic, data: 'a2', key: 'a' },
      ])
      const reader = await site.follow(topic, { query: 'snapshot=true' })
      const state = new Map(reader.events.map(({ key, data }) => [key, data]))
      expect(state).toEqual(
        new Map([
          ['a', 'a2'],
          ['b', 'b1'],
        ]),
      )
      expect(reader.events.map(({ id }) => id)).toEqual([undefined, undefined])
      const [id] = await site.publishAll([{ topic, data: 'b2', key: 'b' }])
      await reader.received(3)
      expect(reader.events[2]).toMatchObject({ data: 'b2', id })
      reader.close()
    },
  )

  check('3.7', 'state is complete at tailrace.live, while keys change', async (site) => {
    const topic = site.topic()
    const KEYS = 50
    await site.publishAll(Array.from({ length: KEYS }, (_, i) => ({ topic, data: '0', key: `${i}` })))
    const publishing = (async () => {
      for (let round = 1; round <= 20; round += 1) {
        const keys = [0, 1, 2].map((i) => `${(round * 3 + i) % KEYS}`)
        await site.publishAll(keys.map((key) => ({ topic, data: `${round}`, key })))
      }
    })()
    const reader = await site.follow(topic, { query: 'snapshot=true' })
    const atLive = reader.frames.findIndex(({ event }) => event === 'tailrace.live')
    const keys = reader.frames.slice(0, atLive).flatMap(({ key }) => key ?? [])
    await publishing
    expect(new Set(keys).size).toBe(KEYS)
    reader.close()
  })

  check('3.7', 'with a cursor, a stream resumes, and there is no snapshot', async (site) => {
    const topic = site.topic()
    const [, id] = await site.publishAll([
      { topic, data: 'a', key: 'a' },
      { topic, data: 'b', key: 'b' },
      { topic, data: 'c', key: 'b' },
    ])
    expect((await site.replay(topic, 'snapshot=true', { 'last-event-id': id! })).data).toEqual(['c'])
  })

  check('3.7', 'a snapshot with from=start is refused', async (site) => {
    const answer = await site.ask(site.paths.stream([site.topic()], 'snapshot=true&from=start'))
    expectProblem(answer, 400, 'invalid-query')
  })
}
