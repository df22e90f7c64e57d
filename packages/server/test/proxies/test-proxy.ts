import type { Frame, StreamReader } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { bearer, KEYS, tokenOf } from '../auth/tokens.ts'
import { startProxied } from './proxied.ts'
import type { Proxy } from './proxied.ts'

/**
 * How long a stream is idle. Scaled down, where the timeout of the proxy is still some heartbeats; or, with
 * `TAILRACE_LONG=1`, three minutes, with the timeout that the file has and the heartbeats that the hub has.
 */
const IDLE =
  process.env['TAILRACE_LONG'] === '1'
    ? { idleSeconds: undefined, heartbeat: '15s', beats: 12, boundMs: 240_000 }
    : { idleSeconds: 2, heartbeat: '400ms', beats: 8, boundMs: 20_000 }

/** The behaviours that a stream keeps through every proxy. Registers tests. */
export function testProxy(proxy: Proxy): void {
  test('each event arrives while the stream goes on, as it is and compressed', async () => {
    await using at = await startProxied(proxy, { hubArgs: ['--compress'] })
    const plain = await at.openStream('t', { 'accept-encoding': 'identity' })
    const compressed = await at.openStream('t', { 'accept-encoding': 'gzip' })
    for (const reader of [plain, compressed]) {
      expect(reader.status).toBe(200)
      expect(reader.headers['content-type']).toBe('text/event-stream; charset=utf-8')
      await isLive(reader)
    }
    expect(plain.headers['content-encoding']).toBeUndefined()
    expect(compressed.headers['content-encoding']).toBe('gzip')
    for (let n = 1; n <= 20; n += 1) {
      expect(await at.publish('t', `event ${n}`)).toBe(201)
      for (const reader of [plain, compressed]) await reader.waitFor(() => dataOf(reader).length === n)
    }
    plain.close()
    compressed.close()
  })

  test('a restart of the proxy in the middle loses nothing and repeats nothing', async () => {
    await using at = await startProxied(proxy)
    const all = Array.from({ length: 300 }, (_, n) => `event ${n}`)
    const before = await at.openStream('t')
    await isLive(before)
    // Straight to the hub: it goes on while the proxy stops, is away, and is back.
    const published = publishEach(at.hub.url, all.slice(0, 200))
    await before.waitFor(() => dataOf(before).length >= 20)
    await at.stopProxy()
    await before.ended
    await published
    await publishEach(at.hub.url, all.slice(200, 250))
    await at.startProxy()
    const cursor = before.frames().findLast(({ id }) => id !== undefined)!.id!
    const after = await at.openStream('t', { 'last-event-id': cursor })
    await publishEach(at.hub.url, all.slice(250))
    const seen = (): string[] => [...dataOf(before), ...dataOf(after)]
    await after.waitFor(() => seen().length >= all.length)
    // What came twice would come before this one.
    await at.publish('t', 'last')
    await after.waitFor(() => seen().includes('last'))
    expect(seen()).toEqual([...all, 'last'])
    after.close()
  })

  test(
    'heartbeats hold an idle stream open past the timeout of the proxy; without them it is cut',
    {
      timeout: 2 * IDLE.boundMs,
    },
    async () => {
      const { idleSeconds, heartbeat, beats, boundMs } = IDLE
      await using beating = await startProxied(proxy, { idleSeconds, hubArgs: ['--heartbeat', heartbeat] })
      await using silent = await startProxied(proxy, { idleSeconds, hubArgs: ['--heartbeat', '0s'] })
      const kept = await beating.openStream('t')
      await isLive(kept)
      const cut = await silent.openStream('t')
      await isLive(cut)
      await cut.ended
      await kept.waitFor(() => beatsOf(kept) >= beats, boundMs)
      await beating.publish('t', 'still there')
      await kept.waitFor(() => dataOf(kept).length > 0)
      expect(dataOf(kept)).toEqual(['still there'])
      kept.close()
    },
  )

  test('while the hub is away readers are told to come back, and publishers that it is', async () => {
    await using at = await startProxied(proxy)
    await at.hub.kill('SIGKILL')
    if (proxy.whenHubIsAway === 'hangs up') await expect(at.openStream('t')).rejects.toThrow('socket hang up')
    else await isToldToComeBack(await at.openStream('t'))
    expect(await at.publish('t', 'lost')).toBeGreaterThanOrEqual(500)
    await at.startHub()
    const back = await untilLive(() => at.openStream('t'))
    back.close()
  })

  // Some proxies find out only when they write to it.
  test('the hub learns that a reader has left, by its heartbeats at the latest', async () => {
    const hubArgs = ['--max-streams-per-subject', '1', '--heartbeat', '400ms']
    await using at = await startProxied(proxy, { hubArgs, hubEnv: KEYS })
    const token = await tokenOf({ subscribe: ['**'] })
    const open = (): Promise<StreamReader> => at.openStream('t', bearer(token))
    const first = await open()
    await isLive(first)
    const refused = await open()
    await refused.ended
    expect(refused.text()).toContain('"code":"too-many-connections"')
    first.close()
    const second = await untilLive(open)
    second.close()
  })
}

/** Anything else than this status and type, and an `EventSource` never comes back. */
async function isToldToComeBack(reader: StreamReader): Promise<void> {
  await reader.ended
  expect([reader.status, reader.headers['content-type']]).toEqual([200, 'text/event-stream'])
  expect(reader.text()).toMatch(/^retry: \d{4}\n\n$/)
}

export async function isLive(reader: StreamReader): Promise<void> {
  await reader.waitFor(hasLive)
}

function hasLive(frames: readonly Frame[]): boolean {
  return frames.some(({ event }) => event === 'tailrace.live')
}

/** What was published to a reader so far. */
export function dataOf(reader: StreamReader): string[] {
  return reader
    .frames()
    .flatMap(({ event, data }) => (event === undefined && data !== undefined ? [data] : []))
}

/**
 * Comes back, as an `EventSource` would but at once, until a stream is live. The test's time is the bound. Also when
 * the proxy hangs up: Varnish does so for 250 ms after it was refused (`backend_remote_error_holddown`).
 */
export async function untilLive(open: () => Promise<StreamReader>): Promise<StreamReader> {
  for (;;) {
    const reader = await open().catch(comesBackFrom)
    const isBack = await reader?.waitFor(hasLive).then(
      () => true,
      () => false,
    )
    if (reader !== undefined && isBack === true) return reader
    reader?.close()
  }
}

function comesBackFrom(error: Error): undefined {
  if (error.message !== 'socket hang up') throw error
}

function beatsOf(reader: StreamReader): number {
  return reader.text().match(/^:/gm)?.length ?? 0
}

async function publishEach(url: string, all: readonly string[]): Promise<void> {
  for (const body of all) {
    const { status } = await fetch(`${url}/topics/t`, { method: 'POST', body })
    expect(status).toBe(201)
  }
}
