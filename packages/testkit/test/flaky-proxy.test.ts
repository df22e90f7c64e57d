import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'

import { afterEach, expect, test, vi } from 'vitest'

import { createRandom, type FlakyProxy, type FlakyProxyOptions, startFlakyProxy } from '@tailrace/testkit'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

/** An upstream that hands over its ends of connections, and a proxy before it. */
async function setUp(options: FlakyProxyOptions = {}): Promise<{
  proxy: FlakyProxy
  open(): Promise<{ client: Socket; upstream: Socket }>
}> {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const proxy = await startFlakyProxy({ host: '127.0.0.1', port }, options)
  cleanups.push(proxy.close, () => server.close())
  return {
    proxy,
    async open() {
      const accepted = once(server, 'connection') as Promise<[Socket]>
      const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
      const [upstream] = await accepted
      for (const socket of [client, upstream]) socket.on('error', () => {})
      cleanups.push(
        () => client.destroy(),
        () => upstream.destroy(),
      )
      return { client, upstream }
    },
  }
}

/** Unlike `once`, takes an RST for an end like any other. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

function bytesOf(seed: number, length: number): Buffer {
  const random = createRandom(seed)
  return Buffer.from(Array.from({ length }, () => random.int(0, 255)))
}

test.each([
  ['nothing', {}],
  ['splits', { split: 1 }],
  ['delays', { delay: 1 }],
  ['stalls', { stall: 1, stallTurns: 20 }],
  ['all of them', { split: 0.5, delay: 0.5, stall: 0.5, stallTurns: 20 }],
] satisfies [string, FlakyProxyOptions][])('bytes pass intact both ways under %s', async (_, faults) => {
  const { proxy, open } = await setUp({ random: createRandom(11).next, ...faults })
  const { client, upstream } = await open()
  const sent = bytesOf(1, 300_000)
  client.end(sent)
  upstream.end(sent.toReversed())

  const [up, down] = await Promise.all([buffer(upstream), buffer(client)])

  expect(sent.equals(up)).toBe(true)
  expect(Buffer.from(sent.toReversed()).equals(down)).toBe(true)
  const injected = Object.entries(proxy.faults()).filter(([kind, count]) => kind !== 'total' && count > 0)
  const asked = Object.keys(faults).filter((option) => option !== 'stallTurns')
  expect(injected.map(([kind]) => kind).toSorted()).toEqual(asked.toSorted())
  await vi.waitFor(() => expect(proxy.connections()).toBe(0))
})

test('cutAll breaks every open pair at both ends', async () => {
  const { proxy, open } = await setUp()
  const pairs = [await open(), await open()]
  expect(proxy.connections()).toBe(2)
  const closed = pairs.flatMap(({ client, upstream }) => [closeOf(client), closeOf(upstream)])
  for (const { client, upstream } of pairs) for (const socket of [client, upstream]) socket.resume()

  proxy.cutAll()

  await Promise.all(closed)
  expect(proxy.faults()).toMatchObject({ cut: 2, total: 2 })
  await vi.waitFor(() => expect(proxy.connections()).toBe(0))
})

test('a connection is cut at its byte, by RST or by FIN, and never delivers more', async () => {
  const { proxy, open } = await setUp({ random: createRandom(5).next, cut: 1, after: [1000, 2000] })
  const outcomes = new Set<string>()
  for (let round = 0; round < 12; round++) {
    const { client, upstream } = await open()
    let received = 0
    let outcome = 'fin'
    client.on('error', () => (outcome = 'rst'))
    client.on('data', (chunk) => (received += chunk.length))
    client.on('end', () => client.end())
    upstream.write(Buffer.alloc(100_000))
    await closeOf(client)
    expect(received).toBeLessThanOrEqual(2000)
    // An RST may overtake what the kernel held; a FIN never does.
    expect(received).toBeGreaterThanOrEqual(outcome === 'fin' ? 1000 : 0)
    outcomes.add(outcome)
  }
  expect(outcomes).toEqual(new Set(['rst', 'fin']))
  expect(proxy.faults().cut).toBe(12)
})

test('a half-closed connection stays open the other way', async () => {
  const { proxy, open } = await setUp({ random: createRandom(6).next, halfClose: 1, after: [1, 1] })
  const ends = new Set<string>()
  for (let round = 0; round < 8; round++) {
    const { client, upstream } = await open()
    const ended = Promise.race([
      once(client.resume(), 'end').then(() => 'client'),
      once(upstream.resume(), 'end').then(() => 'upstream'),
    ])
    upstream.write('xy')
    const end = await ended
    ends.add(end)
    const [sender, receiver] = end === 'client' ? [client, upstream] : [upstream, client]
    const arrived = once(receiver, 'data')
    sender.write('still here')
    expect(String(await arrived)).toContain('still here')
    client.destroy()
    upstream.destroy()
  }
  expect(ends).toEqual(new Set(['client', 'upstream']))
  expect(proxy.faults().halfClose).toBe(8)
})

/** Turns of the event loop until nothing moves; all sockets are on this loop, so then nothing will. */
async function settled(progress: () => number): Promise<number> {
  let last = -1
  for (let still = 0; still < 200; still++) {
    if (progress() !== last) still = 0
    last = progress()
    await setImmediate()
  }
  return last
}

test.each(['down', 'up'])('a reader that pauses stops the sender within a bound (%s)', async (direction) => {
  const { open } = await setUp({ random: createRandom(4).next, split: 0.1 })
  const { client, upstream } = await open()
  const [sender, receiver] = direction === 'down' ? [upstream, client] : [client, upstream]
  receiver.pause()
  const total = 128 * 1024 * 1024
  const chunk = bytesOf(2, 64 * 1024)
  let sent = 0
  function push(): void {
    while (sent < total) {
      sent += chunk.length
      if (!sender.write(chunk)) return void sender.once('drain', push)
    }
    sender.end()
  }
  push()

  // Two loopback hops hold up to some 20 MiB in the kernel; the proxy itself adds no more than 256 KiB.
  expect(await settled(() => sent)).toBeLessThan(64 * 1024 * 1024)

  const hash = createHash('sha1')
  let received = 0
  receiver.on('data', (bytes: Buffer) => {
    hash.update(bytes)
    received += bytes.length
  })
  receiver.resume()
  await once(receiver, 'end')
  expect(received).toBe(total)
  const expected = createHash('sha1')
  for (let done = 0; done < total; done += chunk.length) expected.update(chunk)
  expect(hash.digest('hex')).toBe(expected.digest('hex'))
})

test('pauseAll holds everything back until resumeAll, on later connections too', async () => {
  const { proxy, open } = await setUp()
  const before = await open()
  proxy.pauseAll()
  const after = await open()
  let received = ''
  for (const { client, upstream } of [before, after]) {
    client.on('data', (chunk) => (received += String(chunk)))
    upstream.write('x')
  }
  await settled(() => received.length)
  expect(received).toBe('')
  proxy.resumeAll()
  await vi.waitFor(() => expect(received).toBe('xx'))
})

test('refuse destroys new connections at once and leaves open ones alone', async () => {
  const { proxy, open } = await setUp()
  const { client, upstream } = await open()
  proxy.refuse(true)
  const refused = connect(proxy.port, '127.0.0.1').on('error', () => {})
  await closeOf(refused.resume())
  expect(proxy.faults()).toMatchObject({ refused: 1, total: 1 })
  upstream.write('alive')
  expect(String(await once(client, 'data'))).toBe('alive')
  proxy.refuse(false)
  await open()
})

test('an upstream that is not there breaks the client', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  await using proxy = await startFlakyProxy({ host: '127.0.0.1', port })
  const client = connect(proxy.port, '127.0.0.1').on('error', () => {})
  await closeOf(client.resume())
  await vi.waitFor(() => expect(proxy.connections()).toBe(0))
})

test('close resets what is open', async () => {
  const { proxy, open } = await setUp()
  const { client } = await open()
  const closed = closeOf(client.resume())
  await proxy.close()
  await expect(closed).resolves.toBeUndefined()
})
