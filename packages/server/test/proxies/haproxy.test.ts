import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort, makeCertificate, needs, openStream, startHub, tempDir } from '@tailrace/testkit'
import type { HubProcess, StreamReader } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { haproxy, startHaproxy } from './haproxy.ts'
import { testHttp2 } from './http2.ts'
import type { Place } from './proxied.ts'
import { dataOf, isLive, testProxy, untilLive } from './test-proxy.ts'

const isHere = [needs('haproxy'), needs('openssl')].every(Boolean)

describe.skipIf(!isHere)('through HAProxy', () => {
  testProxy(haproxy)
  testHttp2(haproxy)
})

describe.skipIf(!isHere)('HAProxy before two hubs', () => {
  let stack: AsyncDisposableStack
  let place: Place

  beforeEach(async () => {
    stack = new AsyncDisposableStack()
    const { path: folder } = stack.use(tempDir())
    const [port, hubPort] = [await freePort(), await freePort()]
    place = { folder, certificate: makeCertificate(folder), port, hubPort, idleSeconds: undefined }
  })

  afterEach(() => stack.disposeAsync())

  const open = (headers?: Record<string, string>): Promise<StreamReader> =>
    openStream(`https://localhost:${place.port}/topics/t`, { ca: place.certificate.pem, headers })

  async function startBoth(): Promise<[HubProcess, HubProcess]> {
    const first = stack.use(await startHub({ port: place.hubPort, log: 'memory:' }))
    const second = stack.use(await startHub({ log: 'memory:' }))
    stack.use(await startHaproxy(place, second.port))
    return [first, second]
  }

  /** Says something to its socket for operators. */
  function command(line: string): Promise<string> {
    const socket = connect(join(place.folder, 'admin.sock'))
    socket.write(`${line}\n`)
    return text(socket)
  }

  /** On which of the hubs a stream is: one that is published to directly. */
  async function hubsOf(readers: readonly StreamReader[], hubs: readonly HubProcess[]): Promise<number[]> {
    for (const [i, { url }] of hubs.entries())
      await fetch(`${url}/topics/t`, { method: 'POST', body: `hub ${i}` })
    await Promise.all(readers.map((reader) => reader.waitFor(() => dataOf(reader).length > 0)))
    return readers.map((reader) => Number(dataOf(reader)[0]!.slice('hub '.length)))
  }

  test('streams are spread by how many each has', async () => {
    const hubs = await startBoth()
    const readers: StreamReader[] = []
    for (let n = 0; n < 10; n += 1) readers.push(await open())
    const on = await hubsOf(readers, hubs)
    expect(on.filter((hub) => hub === 0)).toHaveLength(5)
    for (const reader of readers) reader.close()
  })

  test('an operator drains a hub: it keeps its streams, and gets no new one', async () => {
    const hubs = await startBoth()
    const before = [await open(), await open()]
    const on = await hubsOf(before, hubs)
    await command('set server hubs/hub1 state drain')
    const late = [await open(), await open()]
    expect(await hubsOf(late, hubs)).toEqual([1, 1])
    const kept = before[on.indexOf(0)]!
    await kept.waitFor(() => dataOf(kept).length >= 2)
    for (const reader of [...before, ...late]) reader.close()
  })

  test('a hub that is told to stop hands its readers and its log to the next one, losing and repeating nothing', async () => {
    const log = `sqlite:${place.folder}/log.db`
    const first = stack.use(await startHub({ port: place.hubPort, log }))
    const secondPort = await freePort()
    stack.use(await startHaproxy(place, secondPort))
    const before = await open()
    await isLive(before)
    await fetch(`${first.url}/topics/t`, { method: 'POST', body: 'one' })
    await before.waitFor(() => dataOf(before).includes('one'))
    const cursor = before.frames().findLast(({ id }) => id !== undefined)!.id!

    await first.kill('SIGTERM')
    await before.ended
    expect(before.isComplete()).toBe(true)
    expect(before.frames().at(-1)).toMatchObject({ event: 'tailrace.error', data: '{"code":"draining"}' })
    // As a service manager does with the second one, which exits for as long as the log is locked.
    const second = stack.use(await startHub({ port: secondPort, log }))
    await fetch(`${second.url}/topics/t`, { method: 'POST', body: 'two' })
    const after = await untilLive(() => open({ 'last-event-id': cursor }))
    await fetch(`${second.url}/topics/t`, { method: 'POST', body: 'three' })
    await after.waitFor(() => dataOf(after).includes('three'))
    expect([...dataOf(before), ...dataOf(after)]).toEqual(['one', 'two', 'three'])
    await expect.poll(() => command('show stat'), { timeout: 10_000 }).toMatch(/^hubs,hub1,.*,DOWN/m)
    after.close()
  })
})
