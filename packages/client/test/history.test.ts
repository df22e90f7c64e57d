import { publish, readHistory, subscribe } from '@tailrace/client'
import { startHub } from '@tailrace/testkit'
import type { HubProcess } from '@tailrace/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startScripted } from './scripted-server.ts'

let hub: HubProcess
let topics = 0

beforeAll(async () => {
  hub = await startHub()
})

afterAll(() => hub[Symbol.asyncDispose]())

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of iterable) items.push(item)
  return items
}

async function filled(count: number): Promise<{ url: string; ids: readonly string[] }> {
  const url = `${hub.url}/topics/t${(topics += 1)}`
  const batch = Array.from({ length: count }, (_, i) => ({ data: String(i), type: 'counted', key: `k${i}` }))
  return { url, ids: (await publish(url, batch)).map(({ id }) => id) }
}

test('history is everything that is retained, in order, and ends with the newest event', async () => {
  const { url, ids } = await filled(25)
  const events = await all(readHistory(url, { limit: 10 }))
  expect(events.map(({ id }) => id)).toEqual(ids)
  expect(events[3]).toMatchObject({ data: '3', type: 'counted', key: 'k3', topic: `t${topics}` })
  expect(Date.parse(events[3]!.time)).not.toBeNaN()
})

test('an event that removes its key says so', async () => {
  const { url } = await filled(1)
  await publish(url, { key: 'k0', remove: true })
  const events = await all(readHistory(url))
  expect(events.map(({ key, remove }) => [key, remove])).toEqual([
    ['k0', undefined],
    ['k0', true],
  ])
})

test('pages are of the given size, start after a place, and say where a subscription goes on', async () => {
  const { url, ids } = await filled(25)
  const history = readHistory(url, { limit: 10, from: ids[2] })
  const sizes: number[] = []
  for await (const { events } of history.pages()) sizes.push(events.length)
  expect(sizes).toEqual([10, 10, 2])
  const { id } = await publish(url, { data: 'new' })
  for await (const item of subscribe(url, { lastEventId: history.next })) {
    if (item.kind !== 'event') continue
    expect(item.id).toBe(id)
    break
  }
})

test('a gap is an error, or is reported before what is left', async () => {
  const { url } = await filled(3)
  await expect(all(readHistory(url, { from: 'other.1' }))).rejects.toMatchObject({
    code: 'gap',
    reason: 'epoch',
    from: 'other.1',
  })
  const reasons: string[] = []
  const onGap = ({ reason }: { reason: string }): unknown => reasons.push(reason)
  const events = await all(readHistory(url, { from: 'other.1', onGap }))
  expect([reasons, events.length]).toEqual([['epoch'], 3])
})

test('a page that fails for now is asked for again, a refusal is an error with the words of the hub', async () => {
  await using server = await startScripted((response, _, index) => {
    if (index === 0) response.writeHead(503, { 'Retry-After': '0' }).end()
    else if (index === 1) response.end('{"events":[{"id":"e.1","topic":"t","data":"1"}],"next":"e.1"}')
    else response.end('{"events":[],"next":"e.1"}')
  })
  const [event] = await all(readHistory(server.url))
  expect(event).toMatchObject({ data: '1' })
  await expect(all(readHistory(`${hub.url}/topics/a//b`))).rejects.toMatchObject({
    status: 400,
    problem: { code: 'invalid-topic' },
  })
})

test.each([
  ['JSON of another kind', '{"hello":1}'],
  ['text', '<p>hello'],
])('a server that answers with %s is not a hub', async (_, body) => {
  await using server = await startScripted((response) => response.end(body))
  await expect(all(readHistory(server.url))).rejects.toMatchObject({
    code: 'not-a-hub',
    status: 200,
  })
})

test('what explains a refusal is read up to a bound', async () => {
  let sent = 0
  await using server = await startScripted((response) => {
    response.writeHead(400, { 'Content-Type': 'application/problem+json' })
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(10_000))) sent += 10_000
    }
    response.on('drain', more)
    more()
  })
  await expect(all(readHistory(server.url))).rejects.toMatchObject({
    status: 400,
    problem: undefined,
  })
  // What the sockets hold, and no more.
  expect(sent).toBeLessThan(50_000_000)
})

test.each([0, 1_001, 1.5])('a limit of %d is refused at once', (limit) => {
  expect(() => readHistory(hub.url, { limit })).toThrow(expect.objectContaining({ option: 'limit' }))
})
