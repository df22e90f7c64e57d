import { subscribe } from '@tailrace/client'
import { expect, test } from 'vitest'
import { startScripted, stream } from './scripted-server.ts'

test('restart connects again from the place that the subscription has, with new headers', async () => {
  let session = 'first'
  await using server = await startScripted((response, { headers }, index) => {
    stream(response, `id: e.${index}\ndata: ${String(headers.authorization)}\n\n`)
  })
  const subscription = subscribe(server.url, { headers: () => ({ Authorization: session }) })
  const seen: string[] = []
  const statuses: string[] = []
  subscription.onStatus(({ kind }) => statuses.push(kind))
  subscription.on('message', ({ data }) => {
    seen.push(data)
    if (data !== 'first') subscription.close()
    session = 'second'
    subscription.restart()
  })
  await subscription.closed
  expect(seen).toEqual(['first', 'second'])
  expect(server.requests[1]!.headers['last-event-id']).toBe('e.0')
  // It was asked for, so nothing was lost.
  expect(statuses).toEqual([])
})

test('restart does not wait for the delay after a failure', async () => {
  await using server = await startScripted((response, _, index) => {
    if (index === 0) response.writeHead(503).end()
    else stream(response, 'data: back\n\n')
  })
  const subscription = subscribe(server.url, { onError: () => 1_000_000 })
  subscription.onStatus(() => subscription.restart())
  for await (const item of subscription) if (item.kind === 'event') break
  expect(server.requests).toHaveLength(2)
})
