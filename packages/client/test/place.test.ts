import { afterEach, describe, expect, test, vi } from 'vitest'
import { subscribe } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer

afterEach(async () => {
  vi.restoreAllMocks()
  await server?.[Symbol.asyncDispose]()
})

/** Quick, and in order: each reconnection at once. */
const QUICK = { initialDelayMs: 0, maxDelayMs: 0 }

async function start(script: Script): Promise<string> {
  server = await startScripted(script)
  return server.url
}

test('lastEventId is the place of what the loop was given, not of what was read ahead of it', async () => {
  const url = await start((response) =>
    stream(response, 'id: 1\ndata: 1\n\nid: 2\ndata: 2\n\nid: 3\ndata: 3\n\n'),
  )
  const subscription = subscribe(url)
  const isAllRead = new Promise<void>((resolve) =>
    subscription.on('message', ({ data }) => data === '3' && resolve()),
  )
  const places: string[] = []
  for await (const _ of subscription) {
    await isAllRead
    if (places.push(subscription.lastEventId) === 3) break
  }
  expect(places).toEqual(['1', '2', '3'])
})

describe('a block of an id alone', () => {
  test('is the place to go on from when the connection breaks', async () => {
    const url = await start((response, _, index) => {
      if (index === 0) stream(response, 'id: 1\ndata: a\n\nid: 7\n\n')
      else stream(response, 'data: done\n\n')
    })
    const subscription = subscribe(url, QUICK)
    subscription.on('message', ({ data }) => {
      if (data === 'done') subscription.close()
      else setImmediate(() => server.cut())
    })
    await subscription.closed
    expect(server.requests[1]!.headers['last-event-id']).toBe('7')
  })

  test('does not make the event that comes after it a repeat', async () => {
    let goOn!: () => void
    const url = await start((response, _, index) => {
      stream(response, ': the id\nid: 5\n\n')
      goOn = () => response.end(`data: ${index}\n\n`)
    })
    const seen: string[] = []
    for await (const item of subscribe(url, { ...QUICK, onComment: () => goOn() })) {
      if (item.kind === 'event' && seen.push(item.data) === 3) break
    }
    expect(seen).toEqual(['0', '1', '2'])
  })
})

test('of the ids of a long connection the last ones are kept, and what comes again with them is dropped', async () => {
  const COUNT = 5_000
  const { add } = Set.prototype
  let most = 0
  vi.spyOn(Set.prototype, 'add').mockImplementation(function (this: Set<unknown>, value: unknown) {
    add.call(this, value)
    if (typeof value === 'string' && value.startsWith('long.')) most = Math.max(most, this.size)
    return this
  })
  const event = (i: number): string => `id: long.${i}\ndata: ${i}\n\n`
  const all = Array.from({ length: COUNT }, (_, i) => event(i))
  const url = await start((response, _, index) => {
    if (index === 0) stream(response).end(all.join(''))
    else stream(response, `${all.slice(-200).join('')}${event(COUNT)}`)
  })
  const seen: string[] = []
  for await (const item of subscribe(url, QUICK)) {
    if (item.kind === 'event' && seen.push(item.data) > COUNT) break
  }
  expect(seen).toEqual(Array.from({ length: COUNT + 1 }, (_, i) => String(i)))
  expect(most).toBeLessThan(1_000)
})
