import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ServerResponse } from 'node:http'
import { subscribe } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { ScriptedServer } from './scripted-server.ts'

/** Of the hub, by default. */
const BEAT_MS = 15_000

let server: ScriptedServer
let responses: ServerResponse[]
let comments: number
let onComment: () => void
let told: string[]
let end: () => Promise<void>

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
  responses = []
  comments = 0
  told = []
  server = await startScripted((response) => void responses.push(stream(response)))
  const subscription = subscribe(server.url, {
    initialDelay: 0,
    onComment: () => {
      comments += 1
      onComment()
    },
  })
  subscription.on('message', ({ data }) => told.push(data))
  subscription.onStatus((status) =>
    told.push(status.kind === 'reconnecting' ? status.error.code : status.kind),
  )
  end = async () => {
    subscription.close()
    await subscription.closed
  }
  await server.untilRequests(1)
})

afterEach(async () => {
  vi.useRealTimers()
  await end()
  await server[Symbol.asyncDispose]()
})

/** Sends comments in one write. @returns once they were read */
function beat(count = 1): Promise<void> {
  const wanted = comments + count
  responses.at(-1)!.write(':\n'.repeat(count))
  return new Promise((resolve) => {
    onComment = () => {
      // The client listens for what follows before that.
      if (comments === wanted) setImmediate(resolve)
    }
  })
}

test('a server whose heartbeat is missed is left, and asked again', async () => {
  for (let i = 0; i < 3; i += 1) {
    await beat()
    await vi.advanceTimersByTimeAsync(BEAT_MS)
  }
  expect(told).toEqual([])
  await vi.advanceTimersByTimeAsync(1.5 * BEAT_MS - 1)
  expect(told).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  await expect.poll(() => told).toEqual(['silent'])
  await vi.advanceTimersByTimeAsync(1)
  await server.untilRequests(2)
})

test.each([
  ['at once', 0],
  ['within a moment', 100],
])('comments that come %s are no heartbeat', async (_, ms) => {
  await beat(2)
  await vi.advanceTimersByTimeAsync(ms)
  await beat(2)
  await vi.advanceTimersByTimeAsync(4 * BEAT_MS)
  responses[0]!.write('data: after a while\n\n')
  await expect.poll(() => told).toEqual(['after a while'])
})
