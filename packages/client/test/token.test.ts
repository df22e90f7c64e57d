import { afterEach, describe, expect, test } from 'vitest'
import { publish, subscribe } from '@tailrace/client'
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
    await expect(subscription.closed).rejects.toMatchObject({ status: 401 })
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
    for await (const item of subscribe(url, { initialDelayMs: 5, maxDelayMs: 5, headers })) {
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
    for await (const item of subscribe(url, { stableAfterMs: 0, headers: () => ({}) })) {
      if (item.kind === 'reconnecting') delays.push(item.delayMs)
      if (delays.length === 3) break
    }
    expect(delays).toEqual([0, 0, 0])
  })
})

describe('a token function that several readers share', () => {
  /** Takes only the token of the last refresh, and how often that was made. */
  interface Tokens {
    current: number
    refreshes: number
    readonly headers: (refused: boolean) => Promise<HeadersInit>
  }

  function createTokens(refresh: () => Promise<unknown>): Tokens {
    const tokens: Tokens = {
      current: 0,
      refreshes: 0,
      async headers(refused) {
        if (refused) {
          tokens.refreshes += 1
          await refresh()
          tokens.current += 1
        }
        return { Authorization: `Bearer ${tokens.current}` }
      },
    }
    return tokens
  }

  const isOld: (request: { headers: { authorization?: string | undefined } }) => boolean = ({ headers }) =>
    headers.authorization === 'Bearer 0'

  test('is asked for one refresh, by subscriptions and publishes together', async () => {
    const url = await start((response, request) => {
      if (isOld(request)) response.writeHead(401).end()
      else if (request.method === 'POST') response.writeHead(201).end('{"events":[{"id":"e.1","topic":"t"}]}')
      else stream(response, 'data: done\n\n')
    })
    // All four have been refused before the new token is there.
    const tokens = createTokens(() => server.untilRequests(4))
    const { headers } = tokens
    const reading = [1, 2, 3].map(async () => {
      for await (const item of subscribe(url, { headers })) if (item.kind === 'event') break
    })
    await Promise.all([...reading, publish(url, { data: 'x' }, { headers })])
    expect(tokens.refreshes).toBe(1)
  })

  test('is not asked again by one whose refusal arrives after the refresh', async () => {
    const refused = Promise.withResolvers<void>()
    const url = await start((response, request) => {
      if (!isOld(request)) stream(response, 'data: done\n\n')
      else if (request.path === '/late') void refused.promise.then(() => response.writeHead(401).end())
      else response.writeHead(401).end()
    })
    const tokens = createTokens(async () => {})
    const { headers } = tokens
    const late = subscribe(`${url}late`, { headers })[Symbol.asyncIterator]()
    const first = late.next()
    await server.untilRequests(1)
    for await (const item of subscribe(url, { headers })) if (item.kind === 'event') break
    refused.resolve()
    expect((await first).value).toMatchObject({ kind: 'reconnecting', delayMs: 0 })
    expect((await late.next()).value).toMatchObject({ data: 'done' })
    await late.return!()
    expect(tokens.refreshes).toBe(1)
  })

  test('is asked again when its refresh failed', async () => {
    const url = await start((response, request) => {
      if (isOld(request)) response.writeHead(401).end()
      else stream(response, 'data: done\n\n')
    })
    let isAway = true
    const tokens = createTokens(async () => {
      if (isAway) {
        isAway = false
        throw new Error('the token server is away')
      }
    })
    const { headers } = tokens
    const reading = [1, 2].map(async () => {
      for await (const item of subscribe(url, { headers, initialDelayMs: 0 }))
        if (item.kind === 'event') break
    })
    await Promise.all(reading)
    expect(tokens.current).toBeGreaterThan(0)
  })
})

test('a publish whose new token is refused as well is final', async () => {
  const asked: boolean[] = []
  const url = await start((response) => response.writeHead(401).end('{}'))
  const headers = (refused: boolean): HeadersInit => {
    asked.push(refused)
    return {}
  }
  await expect(publish(url, { data: 'x' }, { headers })).rejects.toMatchObject({ status: 401 })
  await expect(publish(url, { data: 'x' }, { headers: {} })).rejects.toMatchObject({
    code: 'status',
  })
  expect(asked).toEqual([false, true])
  expect(server.requests).toHaveLength(3)
})
