import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem, type Site } from '../site.ts'

export function testHistory(checkAll: Check): void {
  const check = (clause: string, behaviour: string, body: (site: Site) => Promise<void>): void =>
    checkAll.with('history', clause, behaviour, body)

  check('4.1', 'a page has all fields of its events', async (site) => {
    const topic = site.topic()
    const ids = await site.publishAll([
      { topic, data: 'a' },
      { topic, data: '{ "b": 1 }', type: 't', key: 'k' },
      { topic, data: '', key: 'k', remove: true },
    ])
    const time: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z$/)
    expect(await site.page(topic)).toEqual({
      events: [
        { id: ids[0], topic, time, data: 'a' },
        { id: ids[1], topic, type: 't', key: 'k', time, data: '{ "b": 1 }' },
        { id: ids[2], topic, key: 'k', remove: true, time, data: '' },
      ],
      next: expect.any(String) as unknown,
    })
  })

  check(
    '4.2',
    'pages follow each other by next, to an empty one, from which a stream goes on',
    async (site) => {
      const topic = site.topic()
      await site.publish(topic, 'a', 'b', 'c', 'd', 'e')
      const data: string[] = []
      let { events, next } = await site.page(topic, 'limit=2')
      while (events.length > 0) {
        data.push(...events.map((event) => event.data))
        ;({ events, next } = await site.page(topic, `limit=2&from=${next}`))
      }
      expect(data).toEqual(['a', 'b', 'c', 'd', 'e'])
      await site.publish(topic, 'f')
      expect((await site.replay(topic, `from=${next}`)).data).toEqual(['f'])
      expect((await site.page(topic, 'from=now')).events).toEqual([])
    },
  )

  check('4.2', 'a limit that is out of range is refused', async (site) => {
    for (const limit of ['0', '1001', 'x']) {
      const answer = await site.askHistory(site.topic(), `limit=${limit}`)
      expectProblem(answer, 400, 'invalid-query', { parameter: 'limit' })
    }
  })

  check('4.2', 'a page of megabytes arrives whole', async (site) => {
    const topic = site.topic()
    const data = 'é"\n'.repeat(100_000)
    for (let i = 0; i < 3; i += 1) await site.publish(topic, data)
    const { events } = await site.page(topic)
    expect(events.map((event) => event.data === data)).toEqual([true, true, true])
  })

  check('4.3', 'a page that would be empty waits for a first event', async (site) => {
    const topic = site.topic()
    const { next } = await site.page(topic)
    const waiting = site.page(topic, `from=${next}&wait=20`)
    await site.publish(topic, 'x')
    expect((await waiting).events).toMatchObject([{ data: 'x' }])
    expect((await site.page(topic, 'from=now&wait=0')).events).toEqual([])
  })

  check('4.4', 'a cursor that cannot be served is answered with 410', async (site) => {
    const topic = site.topic()
    const [oldest] = await site.publish(topic, 'x')
    const answer = await site.askHistory(topic, 'from=nonsense')
    expectProblem(answer, 410, 'cursor-gone', { reason: 'unknown', from: 'nonsense', oldest })
  })

  checkAll.with(
    'topics',
    '4.5',
    'topics are listed in order, page by page, with their sizes',
    async (site) => {
      const prefix = site.topic('listed')
      for (const name of ['b', 'a', 'c']) await site.publish(`${prefix}/${name}`, 'four')
      await site.publishAll([{ topic: `${prefix}/c`, data: '', end: true }])
      interface List {
        readonly topics: readonly object[]
        readonly next?: string
      }
      const topics: object[] = []
      let next: string | undefined = ''
      while (next !== undefined) {
        const answer = await site.ask(`/topics?limit=2&prefix=${prefix}/&after=${encodeURIComponent(next)}`)
        expect(answer.status).toBe(200)
        const list = JSON.parse(answer.text) as List
        topics.push(...list.topics)
        next = list.next
      }
      expect(topics).toEqual([
        { topic: `${prefix}/a`, ended: false, events: 1, bytes: 4 },
        { topic: `${prefix}/b`, ended: false, events: 1, bytes: 4 },
        { topic: `${prefix}/c`, ended: true, events: 2, bytes: 4 },
      ])
    },
  )
}
