import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
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

describe('with a fetch that does not look at its signal', () => {
  const deaf: typeof fetch = (url, init) => fetch(url, { ...init, signal: null })

  test('close ends the connection', async () => {
    const left = Promise.withResolvers<void>()
    const url = await start((response) => {
      response.on('close', left.resolve)
      stream(response, 'data: x\n\n')
    })
    const subscription = subscribe(url, { fetch: deaf })
    subscription.on('message', () => subscription.close())
    await subscription.closed
    await left.promise
    expect(server.requests).toHaveLength(1)
  })

  test('a signal that is aborted ends it before there is an answer, and an answer after that is let go', async () => {
    let response!: ServerResponse
    const url = await start((given) => (response = given))
    const abort = new AbortController()
    const subscription = subscribe(url, { fetch: deaf, signal: abort.signal })
    subscription.on('message', () => {})
    await server.untilRequests(1)
    abort.abort()
    await subscription.closed
    const left = once(response, 'close')
    stream(response)
    await left
    expect(server.requests).toHaveLength(1)
  })

  test('a stream that does not begin in time is given up', async () => {
    const url = await start((response, _, index) => {
      if (index > 0) stream(response, 'data: done\n\n')
    })
    const told: string[] = []
    for await (const item of subscribe(url, { fetch: deaf, openTimeoutMs: 50, initialDelayMs: 0 })) {
      told.push(item.kind === 'reconnecting' ? item.error.code : item.kind)
      if (item.kind === 'event') break
    }
    expect(told).toEqual(['open-timeout', 'event'])
  })
})

test('an event that is being decoded at close is not handed on, and its place not kept', async () => {
  const url = await start((response) => stream(response, 'id: 1\ndata: 1\n\n'))
  const decoding = Promise.withResolvers<void>()
  const isClosed = Promise.withResolvers<void>()
  const subscription = subscribe(url, {
    async decode(_, text) {
      decoding.resolve()
      await isClosed.promise
      return text
    },
  })
  const seen: string[] = []
  subscription.on('message', ({ data }) => seen.push(data))
  await decoding.promise
  subscription.close()
  isClosed.resolve()
  await subscription.closed
  expect([seen, subscription.lastEventId]).toEqual([[], ''])
})
