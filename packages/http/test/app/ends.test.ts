import type { ServeOptions } from '@tailrace/http'
import { serve } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog, LogError } from '@tailrace/log'
import { createScriptedLog, openStream } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { listen } from './frameworks.ts'
import type { Listening } from './frameworks.ts'

let hub: Hub
let app: Listening
let options: Omit<ServeOptions, 'topics'>

beforeEach(async () => {
  hub = await createHub({ log: 'memory:' })
  app = await listen((request, response) => serve(hub, request, response, { topics: ['t'], ...options }))
  options = {}
})

afterEach(async () => {
  await hub.close()
  await app[Symbol.asyncDispose]()
})

async function openStreams(): Promise<number> {
  let count = 0
  await hub.survey(() => void (count += 1))
  return count
}

const LIVE = 'tailrace.live'

/** The last frame of a stream that ends when something happens to it. */
async function lastWords(happen: () => unknown): Promise<unknown> {
  const reader = await openStream(app.url)
  await reader.waitFor((frames) => frames.some(({ event }) => event === LIVE))
  await happen()
  await reader.ended
  expect([reader.isComplete(), await openStreams()]).toEqual([true, 0])
  return reader.frames().at(-1)
}

describe('a stream of an application ends, and its reader learns why,', () => {
  const told = (code: string): unknown => ({ event: 'tailrace.error', data: JSON.stringify({ code }) })

  test('when its signal is aborted', async () => {
    const logout = new AbortController()
    options = { signal: logout.signal }
    expect(await lastWords(() => logout.abort())).toEqual(told('revoked'))
    const late = await openStream(app.url)
    await late.ended
    expect(late.frames().at(-1)).toEqual(told('revoked'))
  })

  test('when the rights of its reader end', async () => {
    options = { until: Date.now() + 200 }
    expect(await lastWords(() => undefined)).toEqual(told('token-expired'))
  })

  test('when its subject is revoked', async () => {
    options = { subject: 'ann' }
    const revoke = (): unknown => hub.revoke(({ reader }) => reader?.subject === 'ann')
    expect(await lastWords(revoke)).toEqual(told('revoked'))
  })

  test('when the hub is drained, which also says when to return', async () => {
    expect(await lastWords(() => hub.drain(0))).toEqual(told('draining'))
  })

  test('when the hub is closed', async () => {
    const reader = await openStream(app.url)
    await hub.close()
    await reader.ended
    expect(reader.isComplete()).toBe(true)
  })
})

describe('when streams cannot be served now', () => {
  test.each([
    ['the hub is closed', 'closed', 'log-unavailable', () => hub.close()],
    ['the log cannot be reached', 'unreachable', 'log-unavailable', undefined],
  ])(
    'because %s, an EventSource is told in a stream, and others by the status',
    async (_, code, told, close) => {
      const scripted = createScriptedLog(createMemoryLog())
      const away = await createHub({ log: scripted.log })
      scripted.interrupt(new LogError('unreachable', 'Gone.'))
      const serving = close === undefined ? away : hub
      await close?.()
      await using other = await listen((request, response) =>
        serve(serving, request, response, { topics: ['t'], from: 'start' }),
      )
      const stream = await fetch(other.url, { headers: { Accept: 'text/event-stream' } })
      expect([stream.status, await stream.text()]).toEqual([
        200,
        expect.stringMatching(
          new RegExp(`^retry: \\d+\n\nevent: tailrace.error\ndata: {"code":"${told}"}\n\n$`),
        ),
      ])
      const response = await fetch(other.url)
      expect([response.status, response.headers.get('retry-after'), await response.json()]).toMatchObject([
        503,
        '1',
        { code },
      ])
      await away.close()
    },
  )
})
