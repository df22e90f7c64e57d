import { expect } from 'vitest'
import type { Check } from '../check.ts'

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/
const TRACE = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=x',
}

export function testFrames(check: Check): void {
  check('3.5', 'the bytes of a frame are type, data, key and id, in this order', async (site) => {
    const topic = site.topic()
    const [id] = await site.publishAll([{ topic, data: '{"total":12}', type: 'paid', key: 'k' }])
    const { text } = await site.replay(topic, 'from=start')
    expect(text.split('\n\n')[1]).toBe(`event: paid\ndata: {"total":12}\nkey: k\nid: ${id}`)
  })

  check('3.5', 'each line of the data has its own field, no matter how it ends', async (site) => {
    const topic = site.topic()
    const [id] = await site.publish(topic, 'a\nb\r\nc\rd\n\n event: x\nid: y')
    const { text } = await site.replay(topic, 'from=start')
    expect(text).toContain(
      `\n\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \ndata:  event: x\ndata: id: y\nid: ${id}\n\n`,
    )
  })

  check('3.5', 'an event without a type has no event line, and empty data has a data line', async (site) => {
    const topic = site.topic()
    const [id] = await site.publish(topic, '')
    const { text } = await site.replay(topic, 'from=start')
    expect(text).toContain(`\n\ndata: \nid: ${id}\n\n`)
  })

  check('3.5', 'only a stream that may carry several topics names them', async (site) => {
    const topic = site.topic()
    const [id] = await site.publish(topic, 'x')
    expect((await site.replay(topic, 'from=start')).events).toEqual([{ data: 'x', id }])
    expect((await site.replay([topic, site.topic()], 'from=start')).events).toEqual([
      { data: 'x', topic, id },
    ])
    expect((await site.replay(`${topic}/**`, 'from=start')).events).toEqual([{ data: 'x', topic, id }])
  })

  check('3.5', 'with time=true, a frame has the time at which its event was stored', async (site) => {
    const topic = site.topic()
    await site.publish(topic, 'x')
    const reader = await site.replay(topic, 'from=start&time=true')
    expect(reader.events).toMatchObject([{ time: expect.stringMatching(RFC3339) as unknown }])
  })

  check('3.5', 'with envelope=json, the data holds everything', async (site) => {
    const topic = site.topic()
    const [id] = await site.publishAll([{ topic, data: '"x"', type: 't', key: 'k' }])
    const [frame] = (await site.replay(topic, 'from=start&envelope=json')).events
    expect(frame!.id).toBe(id)
    const time: unknown = expect.stringMatching(RFC3339)
    expect(JSON.parse(frame!.data!)).toEqual({ topic, type: 't', key: 'k', time, data: '"x"' })
  })

  check(
    '3.5',
    'characters outside ASCII, and those that only look like line ends, pass unchanged',
    async (site) => {
      const topic = site.topic()
      const data = 'é 😀 \u2028 \u0085 \u0000 \ufeff'
      await site.publish(topic, data)
      expect(await site.stored(topic)).toEqual([data])
    },
  )

  check.with(
    'publish',
    '3.18',
    'with trace=true, a frame has the trace context of its publish',
    async (site) => {
      const topic = site.topic()
      await site.ask(site.paths.publish(topic), { method: 'POST', headers: TRACE, body: 'x' })
      const plain = await site.replay(topic, 'from=start')
      expect(Object.keys(plain.events[0]!)).toEqual(['data', 'id'])
      const traced = await site.replay(topic, 'from=start&trace=true')
      expect(traced.events).toMatchObject([TRACE])
    },
  )
}
