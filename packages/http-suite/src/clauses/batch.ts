import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem, type Answer, type Site } from '../site.ts'

function post(site: Site, path: string, lines: readonly string[]): Promise<Answer> {
  const headers = { 'content-type': 'application/x-ndjson' }
  return site.ask(path, { method: 'POST', headers, body: lines.join('\n') })
}

interface Stored {
  readonly events: readonly { readonly id: string; readonly topic: string; readonly duplicate?: boolean }[]
}

export function testBatch(checkAll: Check): void {
  const check = (clause: string, behaviour: string, body: (site: Site) => Promise<void>): void =>
    checkAll.with('publish', clause, behaviour, body)

  check(
    '2.5',
    'a batch is stored in order, with blank lines ignored, and JSON as it was written',
    async (site) => {
      const topic = site.topic()
      const lines = [
        '{"data":"a"}',
        '',
        '{"data":{ "b":  1.0 }, "type":"t", "key":"k"}',
        '{"data":"c\\nd"}',
        '',
      ]
      const answer = await post(site, site.paths.publish(topic), lines)
      expect(answer.status).toBe(201)
      const reader = await site.replay(topic, 'from=start')
      expect(reader.events).toMatchObject([
        { data: 'a' },
        { data: '{ "b":  1.0 }', event: 't', key: 'k' },
        { data: 'c\nd' },
      ])
    },
  )

  check('2.5', 'a batch with one bad line is not stored, and the line is named', async (site) => {
    const topic = site.topic()
    for (const [bad, code] of [
      ['{"data":"x","dta":1}', 'invalid-ndjson'],
      ['not JSON', 'invalid-ndjson'],
      ['{"type":"x"}', 'invalid-ndjson'],
      ['{"data":"x","type":"tailrace.x"}', 'reserved-type'],
      ['{"data":"\\ud800"}', 'invalid-data'],
      ['{"data":"","remove":true}', 'missing-key'],
    ] as const) {
      const answer = await post(site, site.paths.publish(topic), [
        '{"data":"good"}',
        '',
        bad,
        '{"data":"more"}',
      ])
      expectProblem(answer, 400, code, { line: 3 })
    }
    expectProblem(await post(site, site.paths.publish(topic), ['']), 400, 'empty-batch')
    expect(await site.stored(topic)).toEqual([])
  })

  checkAll.with(
    ['publish', 'protocol'],
    '2.5',
    'a batch may publish to several topics at once',
    async (site) => {
      const topics = [site.topic(), site.topic()]
      const reader = await site.follow(topics)
      const lines = [0, 1, 0].map((at, i) => JSON.stringify({ topic: topics[at], data: `${i}` }))
      const answer = await post(site, '/topics', lines)
      expect(answer.status).toBe(201)
      await reader.received(3)
      const { events } = JSON.parse(answer.text) as Stored
      expect(reader.events.map(({ id, topic }) => ({ id, topic }))).toEqual(events)
      expect(reader.data).toEqual(['0', '1', '2'])
      reader.close()
    },
  )

  check('2.6', 'the response has one entry for each line, and is 200 if all are repeats', async (site) => {
    const topic = site.topic()
    const lines = ['a', 'b'].map((key) => JSON.stringify({ data: key, idempotencyKey: key }))
    const first = await post(site, site.paths.publish(topic), lines)
    const { events } = JSON.parse(first.text) as Stored
    expect([first.status, events]).toMatchObject([201, [{ topic }, { topic }]])
    const repeat = await post(site, site.paths.publish(topic), lines)
    const duplicates = events.map((event) => ({ ...event, duplicate: true }))
    expect([repeat.status, JSON.parse(repeat.text)]).toEqual([200, { events: duplicates }])
  })
}
