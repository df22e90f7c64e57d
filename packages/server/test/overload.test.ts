import { HttpError } from '@tailrace/http'
import { openStream, startHub } from '@tailrace/testkit'
import type { HubProcess, StreamReader } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { createPressure } from '../src/limits/pressure.ts'
import { connectionBound } from '../src/net/connection-limit.ts'

/** What a reader of streams is told at first, and what it is told to wait. */
async function opens(hub: HubProcess): Promise<{ event: string; retryMs: number; stream: StreamReader }> {
  const stream = await openStream(`${hub.url}/topics/t`)
  expect(stream.status).toBe(200)
  const [retry, first] = await stream.waitFor((frames) => frames.length >= 2, 60_000)
  const { event, data } = first!
  return { event: event === 'tailrace.error' ? data! : event!, retryMs: Number(retry!.retry), stream }
}

const OVERLOADED = '{"code":"overloaded"}'

async function status(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, init)
  await response.arrayBuffer()
  return response.status
}

test('with all streams open, a new one is told to come back, and publishers and probes are served', async () => {
  // An eighth of the connections is not for streams.
  await using hub = await startHub({ args: ['--max-connections', '16'] })
  const readers = await Promise.all(Array.from({ length: 14 }, () => opens(hub)))
  expect(readers.map(({ event }) => event)).toEqual(Array(14).fill('tailrace.live'))

  const late = await opens(hub)
  expect(late.event).toBe(OVERLOADED)
  expect(late.retryMs).toBeGreaterThanOrEqual(2_500)
  await late.stream.ended
  expect(late.stream.isComplete()).toBe(true)
  const plain = await fetch(`${hub.url}/topics/t`)
  expect([plain.status, plain.headers.get('retry-after'), plain.headers.get('connection')]).toEqual([
    503,
    '5',
    'close',
  ])
  expect(await plain.json()).toMatchObject({
    code: 'overloaded',
    detail: expect.stringContaining('--max-connections'),
  })
  expect(await status(`${hub.url}/healthz`)).toBe(200)
  expect(await status(`${hub.url}/topics/t`, { method: 'POST', body: 'x' })).toBe(201)
  await Promise.all(readers.map(({ stream }) => stream.waitFor((frames) => frames.at(-1)?.data === 'x')))

  readers[0]!.stream.close()
  await expect.poll(async () => (await opens(hub)).event).toBe('tailrace.live')
})

describe('a hub whose event loop runs late', () => {
  /** Lets it run for a moment from time to time only, as on a machine that has too much to do. */
  function starve(hub: HubProcess): Disposable {
    let timer: NodeJS.Timeout
    const stop = (): void => {
      process.kill(hub.pid, 'SIGSTOP')
      timer = setTimeout(run, 600)
    }
    const run = (): void => {
      process.kill(hub.pid, 'SIGCONT')
      timer = setTimeout(stop, 30)
    }
    stop()
    return {
      [Symbol.dispose]() {
        clearTimeout(timer)
        process.kill(hub.pid, 'SIGCONT')
      },
    }
  }

  test('turns new streams away, serves those that are open, and takes new ones again later', async () => {
    await using hub = await startHub()
    const { event, stream } = await opens(hub)
    expect(event).toBe('tailrace.live')
    {
      using _ = starve(hub)
      await expect.poll(async () => (await opens(hub)).event, { timeout: 60_000 }).toBe(OVERLOADED)
      expect(await status(`${hub.url}/topics/t`, { method: 'POST', body: 'x' })).toBe(201)
      expect(await status(`${hub.url}/healthz`)).toBe(200)
      await stream.waitFor((frames) => frames.at(-1)?.data === 'x')
      const metrics = await (await fetch(`${hub.url}/metrics`)).text()
      expect(Number(/^tailrace_turn_seconds (.*)$/m.exec(metrics)![1])).toBeGreaterThan(0.1)
      expect(metrics).toMatch(/^tailrace_refusals_total\{code="overloaded"\} [1-9]/m)
    }
    await expect.poll(async () => (await opens(hub)).event, { timeout: 60_000 }).toBe('tailrace.live')
  }, 120_000)
})

test('the more readers are turned away, the longer they are asked to stay away', async () => {
  const pressure = createPressure(0)
  const waits: number[] = []
  const ask = (): number => {
    try {
      void pressure.admit()
    } catch (error) {
      if (HttpError.is(error)) return Number(error.headers['Retry-After'])
    }
    throw new Error('it was let in')
  }
  expect(ask()).toBe(5)
  for (let i = 0; i < 900; i += 1) waits.push(ask())
  await expect.poll(ask, { timeout: 10_000 }).toBeGreaterThan(15)
  for (let i = 0; i < 10_000; i += 1) waits.push(ask())
  await expect.poll(ask, { timeout: 10_000 }).toBe(60)
  expect(Math.max(...waits)).toBeLessThanOrEqual(60)
  pressure.stop()
})

test('as many connections as fit into the memory and the open files', () => {
  const MIB = 1024 ** 2
  expect(connectionBound(undefined, 1_000_000, false, 512 * MIB)).toMatchObject({
    connections: 16_384,
    streams: 16_352,
    reason: expect.stringContaining('--max-connections'),
  })
  expect(connectionBound(undefined, 1_000_000, true, 512 * MIB)).toMatchObject({ connections: 4_096 })
  expect(connectionBound(undefined, 1_064, false, 512 * MIB)).toMatchObject({ connections: 1_000 })
  expect(() => connectionBound(0, 1_000_000)).toThrow('--max-connections must be at least 1')
  expect(connectionBound(100_000, 1_000_000, false, 512 * MIB)).toMatchObject({ connections: 100_000 })
})
