import { expect } from 'vitest'
import type { Check } from '../check.ts'
import { expectProblem, type Answer, type Site } from '../site.ts'

/** The default of `--max-event`. */
const MAX_EVENT_BYTES = 1024 * 1024

function post(
  site: Site,
  topic: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return site.ask(site.paths.publish(topic), { method: 'POST', headers, body })
}

export function testPublish(checkAll: Check): void {
  const check = (clause: string, behaviour: string, body: (site: Site) => Promise<void>): void =>
    checkAll.with('publish', clause, behaviour, body)

  check('2.1', 'the body is stored verbatim, whatever its Content-Type', async (site) => {
    const types = ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'image/png']
    for (const type of types) {
      const topic = site.topic()
      expect(await post(site, topic, '{ "total":  12 }', { 'content-type': type })).toMatchObject({
        status: 201,
      })
      expect(await site.stored(topic)).toEqual(['{ "total":  12 }'])
    }
  })

  check('2.1', 'headers set the type and the key, in UTF-8', async (site) => {
    const topic = site.topic()
    const key = Buffer.from('clé').toString('latin1')
    await post(site, topic, 'x', { 'event-type': 'paid', 'event-key': key })
    const reader = await site.replay(topic, 'from=start')
    expect(reader.events).toMatchObject([{ event: 'paid', key: 'clé', data: 'x' }])
  })

  check('2.1', 'headers that are mistyped or have wrong values are refused', async (site) => {
    const topic = site.topic()
    for (const [name, value] of [
      ['event-kye', 'k'],
      ['event-end', 'yes'],
      ['event-key', '\xff'],
    ] as const)
      expectProblem(await post(site, topic, 'x', { [name]: value }), 400, 'invalid-header')
    expect(await site.stored(topic)).toEqual([])
  })

  check('2.1', 'data that is not UTF-8, has an encoding, or is too large is refused', async (site) => {
    const topic = site.topic()
    expectProblem(await post(site, topic, new Uint8Array([0x61, 0xff])), 400, 'invalid-utf8')
    expectProblem(await post(site, topic, 'x', { 'content-encoding': 'gzip' }), 415, 'unsupported-encoding')
    const large = new Uint8Array(MAX_EVENT_BYTES + 1).fill(0x61)
    expectProblem(await post(site, topic, large), 413, 'event-too-large')
    expect(await site.stored(topic)).toEqual([])
  })

  check('2.1', 'data of the maximum size is stored', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic)
    const data = 'é'.repeat(MAX_EVENT_BYTES / 2)
    expect(await post(site, topic, data)).toMatchObject({ status: 201 })
    expect((await reader.received(1))[0] === data).toBe(true)
    reader.close()
  })

  checkAll.with(
    ['publish', 'listener', 'http1'],
    '2.1',
    'with Expect: 100-continue, the body is asked for only if the head is in order',
    async (site) => {
      const path = site.paths.publish(site.topic())
      const expecting = { 'Content-Length': '1', Expect: '100-continue' }
      const good = site.raw()
      good.send(site.rawHead('POST', path, expecting))
      await good.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n')
      good.send('x')
      await good.until((text) => text.includes('HTTP/1.1 201 '))
      const bad = site.raw()
      bad.send(site.rawHead('POST', path, { ...expecting, 'Content-Encoding': 'gzip' }))
      const refused = await bad.until((text) => text.includes('\r\n\r\n{'))
      expect(refused).toMatch(/^HTTP\/1\.1 415 /)
      for (const raw of [good, bad]) raw.destroy()
    },
  )

  check('2.2', 'the response is 201 with the cursor, which is that of the frame', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic)
    const answer = await post(site, topic, 'x')
    expect(answer).toMatchObject({ status: 201, headers: { 'content-type': 'application/json' } })
    await reader.received(1)
    expect(JSON.parse(answer.text)).toEqual({ id: reader.events[0]!.id, topic })
    reader.close()
  })

  check('2.2', 'an event is stored when its publish is answered', async (site) => {
    const topic = site.topic()
    for (const data of ['a', 'b', 'c', 'd', 'e']) {
      await post(site, topic, data)
      expect((await site.stored(topic)).at(-1)).toBe(data)
    }
  })

  check('2.3', 'no reader sees an event that was refused', async (site) => {
    const topic = site.topic()
    const reader = await site.follow(topic)
    expectProblem(await post(site, topic, 'bad', { 'event-type': 'tailrace.x' }), 400, 'reserved-type')
    await post(site, topic, 'good')
    expect(await reader.received(1)).toEqual(['good'])
    reader.close()
  })

  check('2.4', 'a repeat is answered with the cursor of the first, and is not stored', async (site) => {
    const topic = site.topic()
    const once = { 'idempotency-key': 'once' }
    const first = JSON.parse((await post(site, topic, 'a', once)).text) as object
    const repeat = await post(site, topic, 'b', once)
    expect([repeat.status, JSON.parse(repeat.text)]).toEqual([200, { ...first, duplicate: true }])
    expect(await site.stored(topic)).toEqual(['a'])
    expect((await post(site, site.topic(), 'c', once)).status).toBe(201)
  })

  check(
    '2.4',
    'nothing is stored in a topic that has ended, except that its end may be repeated',
    async (site) => {
      const topic = site.topic()
      const last = { 'event-end': 'true', 'idempotency-key': 'last' }
      expect((await post(site, topic, '', last)).status).toBe(201)
      expect((await post(site, topic, '', last)).status).toBe(200)
      expectProblem(await post(site, topic, 'late'), 409, 'topic-ended', { topic })
    },
  )
}
