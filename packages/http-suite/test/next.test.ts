import { NextRequest } from 'next/server.js'
import { afterAll, expect, test } from 'vitest'
import { GET as getEvents } from './ways/next/app/events/route.ts'
import { GET as getHistory } from './ways/next/app/history/route.ts'
import { hubOf } from './ways/next/app/hub.ts'
import { POST as publish } from './ways/next/app/publish/route.ts'

// Built and started, the same application runs the whole suite in next.long.test.ts.

const BASE = 'http://localhost:3000'

afterAll(async () => {
  const hub = await hubOf()
  await hub.close()
})

test('route handlers of Next publish, page, stream and resume', async () => {
  const post = new NextRequest(`${BASE}/publish?topic=t`, { method: 'POST', body: '{ "a": 1 }' })
  const published = await publish(post)
  expect(published.status).toBe(201)
  const { id } = (await published.json()) as { id: string }
  const page = await getHistory(new NextRequest(`${BASE}/history?topic=t`))
  expect(await page.json()).toMatchObject({ events: [{ id, data: '{ "a": 1 }' }] })

  const leave = new AbortController()
  const headers = { 'Last-Event-ID': id }
  const stream = await getEvents(new NextRequest(`${BASE}/events?topic=t`, { headers, signal: leave.signal }))
  expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const hub = await hubOf()
  const next = await hub.publish('t', { data: 'next', type: 'x' })
  let text = ''
  for await (const chunk of stream.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes(`event: x\ndata: next\nid: ${next.id}\n\n`)) break
  }
  expect(text).not.toContain('"a"')
})
