import { createConnection, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { publish, subscribe } from '@tailrace/client'
import type { Status, SubscribeOptions } from '@tailrace/client'
import { startHub } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startScripted, stream } from './scripted-server.ts'
import type { ScriptedServer } from './scripted-server.ts'

const BEAT_MS = 15_000
const LIVE = `event: tailrace.live\ndata: {"heartbeatMs":${BEAT_MS}}\nid: e.1\n\n`

describe('the time that a server may be silent', () => {
  let server: ScriptedServer
  let responses: ServerResponse[]
  let told: string[]
  let watchers: Set<() => void>
  let close: () => void
  let ended: Promise<void>

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    responses = []
    told = []
    watchers = new Set()
    server = await startScripted((response) => void responses.push(stream(response, ': hello\n')))
  })

  afterEach(async () => {
    vi.useRealTimers()
    close()
    await ended
    await server[Symbol.asyncDispose]()
  })

  /** Subscribes, and resolves when the first bytes were read. */
  async function open(options: SubscribeOptions = {}): Promise<void> {
    const subscription = subscribe(server.url, {
      initialDelayMs: 0,
      onComment: tell,
      ...options,
    })
    close = () => subscription.close()
    ended = subscription.closed
    subscription.on('message', ({ data }) => tell(data))
    subscription.onStatus((status) => tell(status.kind === 'reconnecting' ? status.error.code : status.kind))
    await untilTold('hello')
  }

  function tell(what: string): void {
    told.push(what)
    for (const look of watchers) look()
  }

  /** Not `expect.poll`, which advances the timers. */
  async function untilTold(what: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (told.at(-1) === what) resolve()
      }
      watchers.add(look)
      look()
    })
    // The client reads on after that.
    await new Promise(setImmediate)
  }

  async function send(bytes: string, what: string): Promise<void> {
    responses.at(-1)!.write(bytes)
    await untilTold(what)
  }

  /** Whether it is cut when this has passed, and not before. */
  async function isSilentAfter(ms: number): Promise<boolean> {
    const before = told.length
    await vi.advanceTimersByTimeAsync(ms - 1)
    if (told.length > before) return false
    await vi.advanceTimersByTimeAsync(1)
    await untilTold('silent')
    return true
  }

  test('is two heartbeats of a hub that announces them, also while events flow', async () => {
    await open()
    await send(LIVE, 'live')
    for (const data of ['1', '2', '3']) {
      await send(`data: ${data}\n\n`, data)
      await vi.advanceTimersByTimeAsync(2 * BEAT_MS - 1)
    }
    await send('data: 4\n\n', '4')
    expect(await isSilentAfter(2 * BEAT_MS)).toBe(true)
  })

  test('is as long on the next connection, from its first byte', async () => {
    await open()
    await send(LIVE, 'live')
    expect(await isSilentAfter(2 * BEAT_MS)).toBe(true)
    await vi.advanceTimersByTimeAsync(1)
    await untilTold('hello')
    expect(await isSilentAfter(2 * BEAT_MS)).toBe(true)
  })

  test('starts over with any bytes, even part of an event', async () => {
    await open()
    await send(LIVE, 'live')
    await vi.advanceTimersByTimeAsync(2 * BEAT_MS - 1)
    await send(':\n:half', '')
    await vi.advanceTimersByTimeAsync(2 * BEAT_MS - 1)
    await send('\n', 'half')
    expect(await isSilentAfter(2 * BEAT_MS)).toBe(true)
  })

  test('is a minute before anything is announced', async () => {
    await open()
    expect(await isSilentAfter(60_000)).toBe(true)
  })

  test.each<[string, SubscribeOptions, string]>([
    ['a hub announces that it has no heartbeat', {}, LIVE.replace(`${BEAT_MS}`, '0')],
    ['the caller says 0', { readTimeoutMs: 0 }, LIVE],
    ['the request is no GET, and nothing is announced', { method: 'POST' }, LIVE.replace(/\{.*\}/, '{}')],
  ])('is without end where %s', async (_, options, live) => {
    await open(options)
    await send(live, 'live')
    await vi.advanceTimersByTimeAsync(3_600_000)
    await send('data: after an hour\n\n', 'after an hour')
    expect(told).not.toContain('silent')
  })

  test('is what the caller says, whatever is announced', async () => {
    await open({ readTimeoutMs: 5_000 })
    await send(LIVE, 'live')
    expect(await isSilentAfter(5_000)).toBe(true)
  })

  test.each([
    ['1', 1_000],
    ['1e308', 2 ** 31 - 1],
  ])('is one that a timer can hold where %s is announced', async (beatMs, limitMs) => {
    await open()
    await send(LIVE.replace(`${BEAT_MS}`, beatMs), 'live')
    expect(await isSilentAfter(limitMs)).toBe(true)
  })
})

/** A proxy that keeps its connections open when the server behind it is gone, as development servers do. */
async function startHoldingProxy(port: number): Promise<AsyncDisposable & { readonly url: string }> {
  const sockets = new Set<{ destroy(): void }>()
  const proxy = createServer((client) => {
    const upstream = createConnection(port, '127.0.0.1')
    sockets.add(client).add(upstream)
    client.on('error', () => {}).pipe(upstream)
    upstream.on('error', () => {}).pipe(client, { end: false })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      proxy.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

describe('a real hub', () => {
  const HEARTBEAT = ['--heartbeat', '500ms']

  /** Reads until the connection is found dead. Each event is acknowledged with the next. */
  async function readBusy(url: string, hub: string, onThird: () => void): Promise<Status> {
    let count = 0
    for await (const item of subscribe(`${url}/topics/t`)) {
      if (item.kind === 'reconnecting') return item
      if (item.kind === 'event' && (count += 1) === 3) onThird()
      else if (item.kind === 'live' || item.kind === 'event') await publish(`${hub}/topics/t`, { data: 'x' })
    }
    throw new Error('It ended')
  }

  test('that freezes under a busy stream is found out within two of its heartbeats', async () => {
    await using hub = await startHub({ args: HEARTBEAT })
    let frozenAt = 0
    const status = await readBusy(hub.url, hub.url, () => {
      process.kill(hub.pid, 'SIGSTOP')
      frozenAt = performance.now()
    })
    const passedMs = performance.now() - frozenAt
    expect(status).toMatchObject({ error: { code: 'silent' } })
    // Far below the minute after which a server that announces nothing is given up.
    expect(passedMs).toBeLessThan(10_000)
  })

  test('that is gone behind a proxy that holds the connection is found out as well', async () => {
    await using hub = await startHub({ args: HEARTBEAT })
    await using proxy = await startHoldingProxy(hub.port)
    const status = await readBusy(proxy.url, hub.url, () => process.kill(hub.pid, 'SIGKILL'))
    expect(status).toMatchObject({ error: { code: 'silent' } })
  })

  test('that is idle is not cut while its heartbeats come', async () => {
    await using hub = await startHub({ args: ['--heartbeat', '1s'] })
    const told: string[] = []
    let beats = 0
    const subscription = subscribe(`${hub.url}/topics/t`, {
      onComment() {
        if ((beats += 1) === 4) subscription.close()
      },
    })
    subscription.onStatus(({ kind }) => told.push(kind))
    await subscription.closed
    expect(told).toEqual(['live'])
  })
})
