import type { ServeOptions } from '@tailrace/http'
import { serve } from '@tailrace/http/node'
import { respond } from '@tailrace/http/web'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { openStream } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from './frameworks.ts'
import type { Listening } from './frameworks.ts'

let hub: Hub
let app: Listening
let options: ServeOptions
const errors: unknown[] = []

beforeAll(async () => {
  hub = await createHub({ log: 'memory:', onError: (error) => errors.push(error) })
  app = await listen((request, response) => serve(hub, request, response, options))
})

afterAll(async () => {
  await hub.close()
  await app[Symbol.asyncDispose]()
})

test('a reader receives the state of the application, and then what was published since it was computed', async () => {
  const computed = Promise.withResolvers<number>()
  const asked = Promise.withResolvers<void>()
  options = {
    topics: ['a'],
    snapshot: async () => {
      asked.resolve()
      return { type: 'state', data: { total: await computed.promise } }
    },
  }
  await hub.publish('a', { data: 'before' })
  const reading = openStream(app.url)
  await asked.promise
  const { id } = await hub.publish('a', { data: 'meanwhile' })
  computed.resolve(12)
  const reader = await reading
  const frames = await reader.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
  const [, state, ...deltas] = frames
  expect(state).toMatchObject({ event: 'state', data: '{"total":12}' })
  expect(deltas.map(({ data }) => data)).toEqual(['meanwhile', expect.stringContaining('heartbeatMs')])
  reader.close()
  // It resumes, and the state is not computed again.
  options = { topics: ['a'], snapshot: () => Promise.reject(new Error('never')) }
  const resumed = await openStream(app.url, { headers: { 'last-event-id': state!.id! } })
  const again = await resumed.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
  expect(again[1]).toMatchObject({ data: 'meanwhile', id })
  resumed.close()
})

test('a state that cannot be computed ends the stream with the reason, and is reported', async () => {
  const failure = new Error('The database is away.')
  options = { topics: ['b'], snapshot: () => Promise.reject(failure) }
  const reader = await openStream(app.url)
  await reader.ended
  expect(reader.frames().at(-1)).toEqual({ event: 'tailrace.error', data: '{"code":"snapshot-failed"}' })
  expect(errors).toEqual([failure])
  let open = 0
  await hub.survey(() => void (open += 1))
  expect(open).toBe(0)
})

test('what the application chose holds unless the request asks for something else', async () => {
  await hub.publish([
    { topic: 'c', key: 'x', data: 'old' },
    { topic: 'c', key: 'x', data: 'new' },
  ])
  const defaults: ServeOptions = { topics: ['c'], snapshot: true, envelope: true }
  const dataOf = async (query: string): Promise<string[]> => {
    const leave = new AbortController()
    const request = new Request(`http://localhost/?${query}`, { signal: leave.signal })
    const { body } = await respond(hub, request, defaults)
    let text = ''
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
      text += chunk
      if (text.includes('tailrace.live')) break
    }
    return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data!).slice(0, -1)
  }
  expect(await dataOf('')).toEqual([expect.stringContaining('"topic":"c"')])
  expect(await dataOf('snapshot=false&from=start')).toHaveLength(2)
})
