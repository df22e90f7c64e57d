import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { createSocketSink, sendInGroups } from '@tailrace/http/node'
import { Payload } from '@tailrace/hub'
import type { Sink } from '@tailrace/hub'
import { loadSend } from '@tailrace/multisend'
import { makeCertificate, needs, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startServing } from './serving.ts'
import { startSocketPairs } from './socket-pairs.ts'
import type { SocketPair, SocketPairs } from './socket-pairs.ts'

const gcc = needs('gcc')
const openssl = needs('openssl')

/** What one call was given, and what came of it. */
interface Call {
  readonly descriptors: readonly number[]
  readonly results: readonly number[]
}

interface Reader extends SocketPair {
  readonly sink: Sink
  /** What its sink has told. */
  readonly told: string[]
  readonly descriptor: number
}

describe.skipIf(!gcc)('a write to many readers', () => {
  const calls: Call[] = []
  let pairs: SocketPairs

  beforeAll(async () => {
    const send = loadSend()!
    sendInGroups((descriptors, count, bytes, results) => {
      const whole = send(descriptors, count, bytes, results)
      calls.push({ descriptors: [...descriptors].slice(0, count), results: [...results].slice(0, count) })
      return whole
    })
    pairs = await startSocketPairs()
  })

  afterAll(async () => {
    sendInGroups(undefined)
    await pairs[Symbol.asyncDispose]()
  })

  beforeEach(() => void calls.splice(0))

  async function openReader(): Promise<Reader> {
    const pair = await pairs.open()
    const descriptor = descriptorOf(pair.served)
    const sink = createSocketSink(pair.served, {})
    const told: string[] = []
    sink.attach({ ready: () => told.push('ready'), closed: () => told.push('closed') })
    await expect.poll(pair.text).toContain('\r\n\r\n')
    return { ...pair, sink, told, descriptor }
  }

  /** Makes these a group of an earlier turn. */
  async function writeBefore(...readers: readonly Reader[]): Promise<void> {
    const payload = new Payload(Buffer.from('before, '))
    for (const { sink } of readers) sink.write(payload)
    await nextTurn()
    for (const { text } of readers) await expect.poll(() => bodyOf(text())).toBe('before, ')
    calls.splice(0)
  }

  /** Writes until the kernel accepts no more. @returns what was written */
  async function fill({ sink }: Reader): Promise<string> {
    let written = ''
    for (let i = 0; sink.isReady; i += 1) {
      const text = `${i}:${'#'.repeat(60_000)}`
      sink.write(new Payload(Buffer.from(text)))
      written += text
      await nextTurn()
    }
    return written
  }

  test('is one call at the end of the turn', async () => {
    const readers = [await openReader(), await openReader(), await openReader()]
    const payload = new Payload(Buffer.from('to all'))
    for (const { sink } of readers) sink.write(payload)
    expect(calls).toEqual([])
    await nextTurn()
    const { length } = payload.chunked
    const descriptors = readers.map(({ descriptor }) => descriptor)
    expect(calls).toEqual([{ descriptors, results: [length, length, length] }])
    for (const { text } of readers) await expect.poll(() => bodyOf(text())).toBe('to all')
  })

  test.each<[string, (sink: Sink) => unknown]>([
    ['something else is written', (sink) => sink.write(new Payload(Buffer.from(', then more')))],
    ['the same is written again', (sink) => sink.write(new Payload(Buffer.from(', then more')))],
    ['the stream ends', (sink) => sink.end()],
    ['the stream is broken off', (sink) => sink.destroy()],
    ['the hub asks whether the reader is ready', (sink) => sink.isReady],
  ])('is sent as soon as %s', async (_name, next) => {
    const [first, second] = [await openReader(), await openReader()]
    const payload = new Payload(Buffer.from('to both'))
    first.sink.write(payload)
    second.sink.write(payload)
    next(second.sink)
    expect(calls).toMatchObject([{ descriptors: [first.descriptor, second.descriptor] }])
    await expect.poll(() => bodyOf(first.text())).toBe('to both')
    await expect.poll(() => bodyOf(second.text())).toMatch(/^to both(, then more)?$/)
  })

  test('leaves out a reader whose connection was closed in the same turn', async () => {
    const [gone, other] = [await openReader(), await openReader()]
    await writeBefore(gone, other)
    const payload = new Payload(Buffer.from('after all'))
    gone.sink.write(payload)
    other.sink.write(payload)
    gone.served.destroy()
    await nextTurn()
    expect(calls).toMatchObject([{ descriptors: [-1, other.descriptor] }])
    await expect.poll(() => bodyOf(other.text())).toBe('before, after all')
    await expect.poll(() => gone.told).toEqual(['closed'])
    expect(bodyOf(gone.text())).toBe('before, ')
  })

  test('does not reach a connection that got the descriptor of a closed one in the same turn', async () => {
    using folder = tempDir()
    const path = join(folder.path, 'other.sock')
    const stranger = createServer().listen(path)
    await once(stranger, 'listening')
    const [gone, other] = [await openReader(), await openReader()]
    await writeBefore(gone, other)
    const payload = new Payload(Buffer.from('not for strangers'))
    gone.sink.write(payload)
    other.sink.write(payload)
    gone.served.destroy()
    // The kernel assigns the lowest descriptor that is free. A connection to a path gets it at once.
    const taken: Socket[] = []
    while (taken.every((socket) => descriptorOf(socket) !== gone.descriptor)) taken.push(connect(path))
    const [arrived] = (await once(stranger, 'connection')) as [Socket]
    expect(calls).toMatchObject([{ descriptors: [-1, other.descriptor] }])
    for (const socket of taken) socket.end('hello')
    expect((await arrived.setEncoding('latin1').toArray()).join('')).toBe('hello')
    stranger.close()
  })

  test('is completed by the socket where the kernel takes a part of it, or nothing', async () => {
    const [full, other] = [await openReader(), await openReader()]
    full.reader.pause()
    const written = await fill(full)
    expect(calls.at(-1)!.results[0]).toBeLessThan(60_000)
    expect(full.told).toEqual([])
    // Words to a reader that is not ready follow what waits in its socket.
    const payload = new Payload(Buffer.from('last'))
    calls.splice(0)
    full.sink.write(payload)
    other.sink.write(payload)
    await nextTurn()
    expect(calls).toMatchObject([{ descriptors: [other.descriptor] }])
    expect(full.sink.isReady).toBe(false)
    full.reader.resume()
    await expect.poll(() => full.text().endsWith('last\r\n')).toBe(true)
    await expect.poll(() => full.sink.isReady).toBe(true)
    expect(full.told).toContain('ready')
    expect(bodyOf(full.text())).toBe(`${written}last`)
  })

  test.each<[string, (socket: Socket) => unknown]>([
    ['holds back what is written', (socket) => socket.cork()],
    ['measures how long it is idle', (socket) => socket.setTimeout(60_000)],
  ])('is left to a socket that %s', async (_name, prepare) => {
    const [special, other] = [await openReader(), await openReader()]
    prepare(special.served)
    const payload = new Payload(Buffer.from('both ways'))
    special.sink.write(payload)
    other.sink.write(payload)
    await nextTurn()
    expect(calls).toMatchObject([{ descriptors: [-1, other.descriptor] }])
    special.served.uncork()
    for (const { text } of [special, other]) await expect.poll(() => bodyOf(text())).toBe('both ways')
  })

  test.skipIf(!openssl)('is never made of what has yet to be encrypted', async () => {
    using dir = tempDir()
    const { cert, key, pem } = makeCertificate(dir.path)
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }).listen(
      0,
      '127.0.0.1',
    )
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const reader = connectTls({ port, host: 'localhost', ca: pem }).setEncoding('latin1')
    const [served] = (await once(server, 'secureConnection')) as [Socket]
    const sink = createSocketSink(served, {})
    await expect.poll(() => sink.isReady).toBe(true)
    sink.write(new Payload(Buffer.from('a secret')))
    let text = ''
    reader.on('data', (chunk: string) => (text += chunk))
    await expect.poll(() => bodyOf(text)).toBe('a secret')
    expect(calls).toEqual([])
    reader.destroy()
    served.destroy()
    server.close()
  })

  test('is never made to a connection of HTTP/2', async () => {
    await using serving = await startServing()
    const session = connectHttp2(serving.url)
    const stream = session
      .request({ ':path': '/topics/t', accept: 'text/event-stream' })
      .setEncoding('latin1')
    let text = ''
    stream.on('data', (chunk: string) => (text += chunk))
    await expect.poll(() => text).toContain('tailrace.live')
    await serving.hub.publish('t', { data: 'framed' })
    await expect.poll(() => text).toContain('data: framed')
    expect(calls).toEqual([])
    session.destroy()
  })

  test('tells of a reader that has reset its connection', async () => {
    const [gone, other] = [await openReader(), await openReader()]
    gone.reader.resetAndDestroy()
    const payload = new Payload(Buffer.from('still here'))
    await expect
      .poll(() => {
        gone.sink.write(payload)
        other.sink.write(payload)
        return gone.told
      })
      .toEqual(['closed'])
    await expect.poll(() => bodyOf(other.text())).toContain('still here')
    expect(other.told).toEqual([])
  })
})

function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } | null }
  return handle?.fd ?? -1
}

/** The body of a chunked response, as far as whole chunks have come. */
function bodyOf(response: string): string {
  let rest = response.slice(response.indexOf('\r\n\r\n') + 4)
  let body = ''
  for (;;) {
    const [size = ''] = rest.split('\r\n', 1)
    const length = Number.parseInt(size, 16)
    const end = size.length + 2 + length
    if (!(length > 0) || rest.length < end + 2) return body
    body += rest.slice(size.length + 2, end)
    rest = rest.slice(end + 2)
  }
}
