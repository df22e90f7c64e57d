import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem } from '../site.ts'

const STREAM = 'text/event-stream; charset=utf-8'

export function testSelecting(check: Check): void {
  check('3.1', 'several topics and patterns share one stream, and an event is sent once', async (site) => {
    const [a, b] = [site.topic(), site.topic()]
    const reader = await site.follow([a, `${b}/*`, `${b}/**`])
    await site.publish(a, '1')
    await site.publish(`${b}/x`, '2')
    await site.publish(`${b}/x/y`, '3')
    await site.publish(a, '4')
    await reader.received(4)
    expect(reader.events.map(({ topic, data }) => [topic, data])).toEqual([
      [a, '1'],
      [`${b}/x`, '2'],
      [`${b}/x/y`, '3'],
      [a, '4'],
    ])
    reader.close()
  })

  check('3.1', 'a stream may have 100 selectors', async (site) => {
    const topics = Array.from({ length: 100 }, () => site.topic())
    const reader = await site.follow(topics)
    await site.publish(topics[99]!, 'x')
    expect(await reader.received(1)).toEqual(['x'])
    reader.close()
  })

  check('3.1', 'more than 100 selectors are refused', async (site) => {
    const topics = Array.from({ length: 101 }, (_, i) => `t/${i}`)
    expectProblem(await site.ask(site.paths.stream(topics, '')), 400, 'too-many-selectors', {
      selectors: 101,
    })
  })

  check('3.2', 'text/event-stream, */* and no Accept at all are answered with a stream', async (site) => {
    for (const accept of ['text/event-stream', '*/*', 'text/event-stream, */*;q=0.5']) {
      const reader = await site.follow(site.topic(), { headers: { accept } })
      expect(reader.headers['content-type']).toBe(STREAM)
      reader.close()
    }
    const head = await site.ask(site.paths.stream([site.topic()], ''), { method: 'HEAD' })
    expect(head.headers['content-type']).toBe(STREAM)
  })

  check.with(
    'protocol',
    '3.2',
    'application/json is answered with JSON, and any other type with 406',
    async (site) => {
      const path = site.paths.stream([site.topic()], '')
      const ask = (accept: string) => site.ask(path, { headers: { accept } })
      for (const accept of ['application/json', 'application/json, */*;q=0.1'])
        expect((await ask(accept)).headers['content-type']).toBe('application/json')
      expectProblem(await ask('text/html'), 406, 'not-acceptable')
    },
  )
}
