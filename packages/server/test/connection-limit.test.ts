import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { openStream, runCli, startHub } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { limitConnections } from '../src/net/connection-limit.ts'
import { openClient } from '../../http/test/client.ts'
import { startCrowd } from './support/crowd.ts'
import { connectRaw } from '../../http/test/raw-connection.ts'
import type { RawConnection } from '../../http/test/raw-connection.ts'

const OPEN_FILES = 256
/** What is left of them for connections, as the hub says. */
const MAX_CONNECTIONS = 192
/** What is kept of them for those that read no stream: an eighth, and 32 at most. */
const RESERVE = 24
const MOST_RESERVE = 32
const MANY_FILES = 16_384
/** Processes, each of which has a limit of its own. */
const CROWDS = 4
const LIMITED = { main: fileURLToPath(new URL('./support/limited-main.ts', import.meta.url)) }
const SUBSCRIBE = 'GET /topics/crowd HTTP/1.1\r\nHost: localhost\r\n\r\n'

test('a hub that has all the connections it can have refuses more, and serves those on as if nothing were', async () => {
  await using hub = await startHub({ ...LIMITED, env: { OPEN_FILES: `${OPEN_FILES}` } })
  using publisher = openClient(hub.url)
  const reader = await openStream(`${hub.url}/events?topic=crowd&topic=large`)
  const publish = async (topic: string, data: string): Promise<void> => {
    expect(await publisher.send('POST', `/topics/${topic}`, data)).toMatchObject({ status: 201 })
  }
  await publish('crowd', 'before')

  let dropped = 0
  const join = async (): Promise<RawConnection | undefined> => {
    const raw = connectRaw(hub.port)
    raw.send(SUBSCRIBE)
    try {
      await raw.until((text) => text.includes('tailrace.live'))
      return raw
    } catch {
      // Asked to come back, or closed where there was no connection left to say so.
      if (raw.text() === '') dropped += 1
      else expect(raw.text()).toMatch(/^HTTP\/1\.1 503 [^]*\r\nRetry-After: \d+\r\n[^]*"code":"overloaded"/)
      return undefined
    }
  }
  const outcomes = await Promise.all(Array.from({ length: 3 * MAX_CONNECTIONS }, join))
  const crowd = outcomes.filter((raw) => raw !== undefined)
  expect(crowd).toHaveLength(MAX_CONNECTIONS - RESERVE - 1)
  // With the others taken by clients that ask for nothing, there is none left to say so. The publisher has one of them.
  const silent = Array.from({ length: RESERVE - 1 }, () => connectRaw(hub.port))
  await expect
    .poll(
      async () => {
        expect(await join()).toBeUndefined()
        return dropped
      },
      { interval: 0, timeout: 10_000 },
    )
    .toBeGreaterThan(50)
  for (const raw of silent) raw.destroy()
  expect(hub.output()).toContain(
    `tailrace: connections refused: 1 (${MAX_CONNECTIONS} are open, the maximum for a limit of ${OPEN_FILES} open files: `,
  )

  const expected = ['before']
  for (let i = 0; i < 20; i += 1) {
    expected.push(`${i}`, 'x'.repeat(500_000))
    await publish('crowd', `${i}`)
    await publish('large', 'x'.repeat(500_000))
    expect(await join()).toBeUndefined()
  }
  expect(await publisher.send('GET', '/readyz')).toMatchObject({ status: 200 })
  const frames = await reader.waitFor((all) => all.length === expected.length + 2)
  expect(frames.slice(2).map(({ data }) => data?.length)).toEqual(expected.map(({ length }) => length))
  for (const raw of crowd) {
    const text = await raw.until((all) => all.includes('data: 19\n'))
    expect([...text.matchAll(/data: (\d+)\n/g)].map(([, n]) => Number(n))).toEqual([...Array(20).keys()])
  }

  for (const raw of crowd.splice(0, 100)) raw.destroy()
  // As readers do, they come again until they are taken.
  while (crowd.length < MAX_CONNECTIONS - RESERVE - 1) {
    const raw = await join()
    if (raw !== undefined) crowd.push(raw)
  }
  expect(await join()).toBeUndefined()
  await publish('crowd', 'welcome')
  await Promise.all(crowd.map((raw) => raw.until((text) => text.includes('data: welcome'))))

  reader.close()
  for (const raw of crowd) raw.destroy()
  expect(await hub.kill()).toEqual({ code: 0, signal: null })
  const told = [...hub.output().matchAll(/connections refused: (\d+) /g)].map(([, n]) => Number(n))
  expect(told.reduce((sum, n) => sum + n, 0)).toBe(dropped)
  expect(told.length).toBeLessThan(dropped / 10)
})

test(
  'of 20,000 readers as many are served as there are files for, and all of those get an event',
  { timeout: 120_000 },
  async () => {
    await using hub = await startHub({ ...LIMITED, env: { OPEN_FILES: `${MANY_FILES}` } })
    using publisher = openClient(hub.url)
    const publish = async (data: string): Promise<void> => {
      expect(await publisher.send('POST', '/topics/crowd', data)).toMatchObject({ status: 201 })
    }
    const reader = await openStream(`${hub.url}/topics/crowd`)
    await publish('before')
    const residentBefore = residentBytes(hub.pid)

    const crowds = Array.from({ length: CROWDS }, () => startCrowd(hub.port, 20_000 / CROWDS))
    const came = await Promise.all(crowds.map((crowd) => crowd.came))
    const served = came.reduce((sum, { live }) => sum + live, 0)
    expect(came.reduce((sum, { closed }) => sum + closed, served)).toBe(20_000)
    expect(served).toBe(MANY_FILES - (OPEN_FILES - MAX_CONNECTIONS) - MOST_RESERVE - 1)
    // What the threat model promises of a reader that does nothing.
    expect((residentBytes(hub.pid) - residentBefore) / served).toBeLessThan(10 * 1024)
    expect(await publisher.send('GET', '/readyz')).toMatchObject({ status: 200 })
    await publish('to all')
    await reader.waitFor((frames) => frames.some(({ data }) => data === 'to all'))
    const told = await Promise.all(crowds.map((crowd) => crowd.told))
    expect(told.reduce((sum, one) => sum + one, 0)).toBe(served)

    await Promise.all(crowds.map((crowd) => crowd.leave()))
    const late = startCrowd(hub.port, 100)
    expect(await late.came).toEqual({ live: 100, closed: 0 })
    await late.leave()
    reader.close()
  },
)

test('a limit that leaves nothing for connections is a mistake, and is told', async () => {
  const { code, stderr } = await runCli(['serve', '--log', 'memory:', '--port', '0'], {
    ...LIMITED,
    env: { OPEN_FILES: '64' },
  })
  expect({ code, stderr }).toEqual({
    code: 64,
    stderr: expect.stringContaining(
      'A limit of 64 open files leaves none for connections: raise it above 64',
    ),
  })
})

test('what goes wrong with a listener once it listens is told, and ends nothing', async () => {
  const told: string[] = []
  const server = createServer((socket) => socket.end('served'))
  limitConnections(server, { each: { connections: 10, streams: 9 }, reason: '' }, (line) => told.push(line))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // As Node does when the system refuses to accept a connection.
  for (let i = 0; i < 3; i += 1) server.emit('error', new Error('accept ENOBUFS'))
  expect(told).toEqual(['connections that could not be accepted: 1 (accept ENOBUFS)'])
  using raw = connectRaw((server.address() as AddressInfo).port)
  expect(await raw.closed).toBe('served')
  server.close()
  await once(server, 'close')
  expect(told.at(-1)).toBe('connections that could not be accepted: 2 (accept ENOBUFS)')
})

test('more connections than there are files for are a mistake, and it is told how many fit', async () => {
  const args = ['serve', '--log', 'memory:', '--port', '0', '--max-connections', '200']
  const { code, stderr } = await runCli(args, { ...LIMITED, env: { OPEN_FILES: '256' } })
  expect({ code, stderr }).toEqual({
    code: 64,
    stderr: expect.stringContaining('--max-connections must be at most 192 with a limit of 256 open files'),
  })
})

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
}
