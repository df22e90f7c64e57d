import { afterEach, describe, expect, test, vi } from 'vitest'
import { subscribe } from '@tailrace/client'
import type { Item, SubscribeOptions } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
})

/** Quick, and in order: each reconnection at once. */
const QUICK: SubscribeOptions = { initialDelayMs: 0, maxDelayMs: 0 }

async function start(script: Script): Promise<string> {
  server = await startScripted(script)
  return server.url
}

type TextItem = Item<Record<string, string>>

/** What comes until an event says `done`. */
async function collect(url: string, options: SubscribeOptions = {}): Promise<TextItem[]> {
  const items: TextItem[] = []
  for await (const item of subscribe(url, { ...QUICK, ...options })) {
    if (item.kind === 'event' && item.data === 'done') break
    items.push(item)
  }
  return items
}

function story(items: readonly TextItem[]): string[] {
  return items.map((item) => (item.kind === 'event' ? item.data : item.kind))
}

describe('a lost connection', () => {
  test('is not opened again before the time that the server asked for with retry, and readers are spread after it', async () => {
    const url = await start((response) => stream(response).end('retry: 20\n'))
    const delays: number[] = []
    for await (const item of subscribe(url, { initialDelayMs: 10, maxDelayMs: 20 })) {
      if (item.kind === 'reconnecting' && delays.push(item.delayMs) === 8) break
    }
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(20)
    expect(Math.max(...delays)).toBeLessThanOrEqual(40)
    expect(new Set(delays).size).toBe(8)
  })

  test('starts the delays over once the server delivers again, however short that is', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(1)
    const url = await start((response, _, index) => {
      if (index < 3) response.destroy()
      else stream(response).end('event: tailrace.live\ndata: {}\nid: e.1\n\n')
    })
    const delays: number[] = []
    for await (const item of subscribe(url, { initialDelayMs: 2, maxDelayMs: 20 })) {
      if (item.kind === 'reconnecting' && delays.push(item.delayMs) === 5) break
    }
    random.mockRestore()
    expect(delays).toEqual([2, 20, 20, 2, 2])
  })

  test('a stream that brings only an error is asked for less and less often', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(1)
    const url = await start((response) =>
      stream(response).end('event: tailrace.error\ndata: {"code":"draining"}\n\n'),
    )
    const delays: number[] = []
    for await (const item of subscribe(url, { initialDelayMs: 2, maxDelayMs: 20 })) {
      if (item.kind === 'reconnecting' && delays.push(item.delayMs) === 3) break
    }
    random.mockRestore()
    expect(delays).toEqual([2, 20, 20])
  })

  test('to a server that numbers the events of each connection anew loses none of them', async () => {
    const url = await start((response, _, index) => {
      const events = [1, 2, 3].map((id) => `id: ${id}\ndata: ${index}.${id}\n\n`)
      stream(response).end(events.join(''))
    })
    const got: string[] = []
    for await (const item of subscribe(url, QUICK)) {
      if (item.kind === 'event' && got.push(item.data) === 9) break
    }
    expect(got).toEqual(['0.1', '0.2', '0.3', '1.1', '1.2', '1.3', '2.1', '2.2', '2.3'])
  })

  test('gives an event that comes again later in a connection: only its beginning is an overlap', async () => {
    const url = await start((response, _, index) => {
      if (index === 0) stream(response).end('id: 1\ndata: off\n\nid: 2\ndata: on\n\n')
      else stream(response, 'id: 2\ndata: on\n\nid: 3\ndata: x\n\nid: 1\ndata: off\n\ndata: done\n\n')
    })
    expect(story(await collect(url))).toEqual(['off', 'on', 'reconnecting', 'x', 'off'])
  })
})
