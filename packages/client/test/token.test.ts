import { afterEach, describe, expect, test } from 'vitest'
import { subscribe } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
})

async function start(script: Script): Promise<string> {
  server = await startScripted(script)
  return server.url
}

describe('a token that is refused', () => {
  test('by a 401 has the headers refreshed, once', async () => {
    const asked: boolean[] = []
    const url = await start((response) => response.writeHead(401).end())
    const headers = (refused: boolean): HeadersInit => {
      asked.push(refused)
      return {}
    }
    const subscription = subscribe(url, { headers })
    subscription.on('message', () => {})
    await expect(subscription.closed).rejects.toMatchObject({ details: { status: 401 } })
    expect(asked).toEqual([false, true])
  })

  test('right after each opening is made anew less and less often', async () => {
    const url = await start((response) =>
      stream(response).end('event: tailrace.error\ndata: {"code":"token-expired"}\n\n'),
    )
    const asked: boolean[] = []
    const headers = (refused: boolean): HeadersInit => {
      asked.push(refused)
      return {}
    }
    const delays: number[] = []
    for await (const item of subscribe(url, { initialDelay: 5, maxDelay: 5, headers })) {
      if (item.kind === 'reconnecting') delays.push(item.delayMs)
      if (delays.length === 4) break
    }
    expect(delays.map((ms) => ms > 0)).toEqual([false, true, true, true])
    expect(asked.slice(0, 4)).toEqual([false, true, true, true])
  })

  test('is made anew at once after each connection that held', async () => {
    const url = await start((response) =>
      stream(response).end('event: tailrace.error\ndata: {"code":"token-expired"}\n\n'),
    )
    const delays: number[] = []
    for await (const item of subscribe(url, { stableAfter: 0, headers: () => ({}) })) {
      if (item.kind === 'reconnecting') delays.push(item.delayMs)
      if (delays.length === 3) break
    }
    expect(delays).toEqual([0, 0, 0])
  })
})
