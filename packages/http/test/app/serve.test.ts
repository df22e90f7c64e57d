import { serve } from '@tailrace/http/node'
import type { ServeOptions } from '@tailrace/http'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { openStream } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FRAMEWORKS, listen } from './frameworks.ts'
import type { Listening } from './frameworks.ts'

let hub: Hub
/** What the handler does with the next requests. */
let options: ServeOptions
/** How each call of `serve` ended. */
let ends: Promise<unknown>[] = []

beforeAll(async () => {
  hub = await createHub({ log: 'memory:' })
})

afterAll(() => hub.close())

async function openStreams(): Promise<number> {
  let count = 0
  await hub.survey(() => void (count += 1))
  return count
}

describe.each(Object.keys(FRAMEWORKS))('serve in %s', (name) => {
  let app: Listening

  beforeAll(async () => {
    app = await listen(
      await FRAMEWORKS[name]!((request, response) => {
        const served = serve(hub, request, response, options)
        ends.push(served.catch((error: unknown) => error))
        return served
      }),
    )
  })

  afterAll(() => app[Symbol.asyncDispose]())

  test('streams the topics that the application chose, and lets go of a reader that leaves', async () => {
    options = { topics: [`${name}/1`], subject: 'ann' }
    ends = []
    const reader = await openStream(`${app.url}/events?page=2&topic=secret`, { headers: { accept: '*/*' } })
    expect([reader.status, reader.headers['content-type'], reader.headers['cache-control']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      'no-cache, no-transform',
    ])
    await reader.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
    await hub.publish('secret', { data: 'x' })
    const { id } = await hub.publish(`${name}/1`, { type: 'paid', data: { total: 12 } })
    const frames = await reader.waitFor((all) => all.some(({ event }) => event === 'paid'))
    expect(frames.at(-1)).toEqual({ event: 'paid', data: '{"total":12}', id })
    const subjects: unknown[] = []
    await hub.survey((connection) => void subjects.push(connection.reader?.subject))
    expect(subjects).toEqual(['ann'])
    reader.close()
    expect(await Promise.all(ends)).toEqual([undefined])
    expect(await openStreams()).toBe(0)
  })

  test('resumes a reader after its last event, and answers 204 at the end', async () => {
    options = { topics: [`${name}/2`] }
    const first = await hub.publish(`${name}/2`, { data: 'one' })
    const last = await hub.publish(`${name}/2`, { data: 'two', end: true })
    const resumed = await openStream(app.url, { headers: { 'last-event-id': first.id } })
    await resumed.ended
    expect(resumed.frames().map(({ event, data }) => event ?? data)).toEqual([
      undefined,
      'two',
      'tailrace.live',
      'tailrace.end',
    ])
    const over = await fetch(app.url, { headers: { 'Last-Event-ID': last.id } })
    expect([over.status, await over.text()]).toEqual([204, ''])
  })

  test('answers HEAD and OPTIONS, and refuses other methods', async () => {
    options = { topics: [`${name}/1`] }
    const head = await fetch(app.url, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    const known = await fetch(app.url, { method: 'OPTIONS' })
    expect([known.status, known.headers.get('allow')]).toEqual([204, 'HEAD, GET, OPTIONS'])
    const refused = await fetch(app.url, { method: 'PUT', body: 'x' })
    expect([refused.status, await refused.json()]).toMatchObject([405, { code: 'method-not-allowed' }])
    expect(await openStreams()).toBe(0)
  })

  test.each([
    [{ topics: [] }, 403, { code: 'forbidden' }],
    [{ topics: ['a//b'] }, 400, { code: 'invalid-topic' }],
    [{ topics: ['rooms/*'] }, 400, { code: 'invalid-topic', flaw: 'contains a *' }],
    [{ patterns: ['a**'] }, 400, { code: 'invalid-selector' }],
    [
      { topics: Array.from({ length: 101 }, (_, i) => `t${i}`) },
      400,
      { code: 'too-many-selectors', max: 100 },
    ],
  ])('refuses a request for which the application chose %j', async (chosen, status, problem) => {
    options = chosen
    const response = await fetch(app.url)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect([response.status, await response.json()]).toMatchObject([status, problem])
  })
})
