import { openStream, startFlakyProxy, startHub } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { publishTo } from '../support/audit.ts'

test('a fresh stream that is cut before its first event misses nothing that was published in between', async () => {
  await using hub = await startHub()
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: hub.port })
  await publishTo(hub.url, 'fresh', 'before anybody came')

  const first = await openStream(`${proxy.url}/topics/fresh`)
  const [, live] = await first.waitFor((frames) => frames.length >= 2)
  expect(live).toMatchObject({ event: 'tailrace.live', data: '{"heartbeatMs":15000}' })
  proxy.cutAll()
  await first.ended
  const published = await Promise.all(
    ['one', 'two', 'three'].map((data) => publishTo(hub.url, 'fresh', data)),
  )

  const second = await openStream(`${proxy.url}/topics/fresh`, { headers: { 'Last-Event-ID': live!.id! } })
  const frames = await second.waitFor((all) => all.some(({ event }) => event === 'tailrace.live'))
  expect(
    frames.filter(({ data, event }) => data !== undefined && event === undefined).map(({ id }) => id),
  ).toEqual(published.map(({ id }) => id).toSorted((a, b) => a.localeCompare(b)))
  second.close()
})
