import { once } from 'node:events'
import { connect, constants, createServer } from 'node:http2'
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  Http2Server,
  IncomingHttpHeaders,
  Settings,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { createHttp2Sink } from '@tailrace/http/node'
import { createHub, MAX_HANDED_BYTES, Payload } from '@tailrace/hub'
import type { Hub, Sink } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { createDecoder } from '@tailrace/wire'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { publishAll, publishOne, reading, texts } from '../../hub/test/opening.ts'

const KIB = 1024
/** 2 MiB: more than any window here, and more than the kernel holds for a session. */
const FLOOD: readonly string[] = Array.from({ length: 512 }, (_, i) => `${i}:`.padEnd(4 * KIB, '.'))
/** The reader's window, its buffer behind that, what was handed here, and as much again for chance. */
const MOST_ON_THE_WAY = 256 * KIB

let hub: Hub
let server: Http2Server
let session: ClientHttp2Session
let watched: WatchedSink[]
const sessions = new Set<ClientHttp2Session>()

beforeEach(async () => {
  // The window is small, so that whoever stalls has to replay from the log.
  hub = await createHub({ log: createMemoryLog(), heartbeatMs: 0, batchMs: 0, windowBytes: 64 * KIB })
  watched = []
  server = createServer()
  server.on('stream', (stream, headers) => {
    const topic = headers[':path']!.slice(1)
    void hub.subscribe(reading({ selectors: [topic] }), () => {
      const sink = watch(createHttp2Sink(stream), topic, () => stream.writableLength)
      watched.push(sink)
      return sink
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  session = dial()
})

afterEach(async () => {
  for (const one of sessions) one.destroy()
  sessions.clear()
  server.close()
  await hub.close()
})

/** The sink itself, and what was asked of it. */
interface WatchedSink extends Sink {
  readonly topic: string
  readonly mostHeld: number
  readonly hasEnded: boolean
  readonly writes: number
  readonly written: number
  readonly gone: Promise<void>
}

function watch(sink: Sink, topic: string, held: () => number): WatchedSink {
  const { promise: gone, resolve: onGone } = Promise.withResolvers<void>()
  let mostHeld = 0
  let writes = 0
  let written = 0
  let hasEnded = false
  return {
    topic,
    gone,
    get mostHeld() {
      return mostHeld
    },
    get writes() {
      return writes
    },
    get written() {
      return written
    },
    get hasEnded() {
      return hasEnded
    },
    get isReady() {
      return sink.isReady
    },
    attach(listener) {
      sink.attach({
        ready: () => listener.ready(),
        closed() {
          listener.closed()
          onGone()
        },
      })
    },
    write(payload) {
      sink.write(payload)
      writes += 1
      written += payload.bytes.length
      mostHeld = Math.max(mostHeld, held())
    },
    end() {
      hasEnded = true
      sink.end()
    },
    destroy: () => sink.destroy(),
  }
}

function dial(settings: Settings = {}): ClientHttp2Session {
  const { port } = server.address() as AddressInfo
  const dialled = connect(`http://127.0.0.1:${port}`, { settings })
  sessions.add(dialled)
  return dialled
}

interface Reader {
  readonly stream: ClientHttp2Stream
  readonly headers: Promise<IncomingHttpHeaders>
  story(): string[]
  bytes(): number
  until(isMet: (story: readonly string[]) => boolean): Promise<string[]>
  untilLive(): Promise<string[]>
}

function read(topic: string, from: ClientHttp2Session = session): Reader {
  const story: string[] = []
  const watchers = new Set<() => void>()
  const decoder = createDecoder({
    onEvent: ({ type, data }) => story.push(type.startsWith('tailrace.') ? type : data),
  })
  let bytes = 0
  const stream = from.request({ ':path': `/${topic}`, accept: 'text/event-stream' })
  const headers = once(stream, 'response').then(([received]) => received as IncomingHttpHeaders)
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    decoder.push(chunk)
    for (const look of watchers) look()
  })
  const until: Reader['until'] = (isMet) =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!isMet(story)) return
        watchers.delete(look)
        resolve([...story])
      }
      watchers.add(look)
      look()
    })
  return {
    stream,
    headers,
    story: () => [...story],
    bytes: () => bytes,
    until,
    untilLive: () => until((told) => told.includes('tailrace.live')),
  }
}

function sinkOf(topic: string): WatchedSink {
  return watched.find((sink) => sink.topic === topic)!
}

test('what is made for an HTTP/2 stream is a sink', () => {
  expectTypeOf(createHttp2Sink).returns.toExtend<Sink>()
})

test('the head is there before any event, and says nothing of the connection', async () => {
  const headers = await read('t').headers
  expect(headers).toMatchObject({
    ':status': 200,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  for (const name of ['connection', 'keep-alive', 'transfer-encoding'])
    expect(headers).not.toHaveProperty(name)
})

test('live events arrive, in order', async () => {
  const reader = read('t')
  await reader.untilLive()
  await publishAll(hub, texts('t', 'a', 'b'))
  await hub.publish(texts('t', 'c', 'd'))
  expect(await reader.until((story) => story.includes('d'))).toEqual(['tailrace.live', 'a', 'b', 'c', 'd'])
})

test('a topic that ends, ends the response after all of it', async () => {
  const reader = read('t')
  await reader.untilLive()
  const ended = once(reader.stream, 'end')
  await publishOne(hub, { topic: 't', data: 'last', end: true })
  await ended
  expect(reader.story()).toEqual(['tailrace.live', 'last', 'tailrace.end'])
  expect(reader.stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
})

test('a request for the head alone gets it, and no subscriber', async () => {
  const stream = session.request({ ':path': '/t', ':method': 'HEAD' })
  stream.resume()
  const [[headers]] = await Promise.all([once(stream, 'response'), once(stream, 'close')])
  expect([(headers as IncomingHttpHeaders)[':status'], stream.rstCode]).toEqual([
    200,
    constants.NGHTTP2_NO_ERROR,
  ])
  await hub.close()
  expect(sinkOf('t').hasEnded).toBe(false)
})

test('what was written is told to have left when all of it has, not before', async () => {
  const { promise: ready, resolve } = Promise.withResolvers<number>()
  server.removeAllListeners('stream')
  server.on('stream', (stream) => {
    const sink = createHttp2Sink(stream)
    sink.attach({ ready: () => resolve(stream.writableLength), closed() {} })
    sink.write(new Payload(Buffer.alloc(30 * KIB)))
    sink.write(new Payload(Buffer.alloc(30 * KIB)))
  })
  read('t')
  expect(await ready).toBe(0)
})

describe('a reader that takes nothing', () => {
  /** Publishes the flood, and lets another reader of the same lane have all of it. */
  async function flood(): Promise<void> {
    const witness = read('t', dial())
    await witness.untilLive()
    await hub.publish(texts('t', ...FLOOD))
    await witness.until((story) => story.length > FLOOD.length)
  }

  test('is handed no more than the bound though its window is shut, and all of it once that opens', async () => {
    const shut = dial({ initialWindowSize: 0 })
    const reader = read('t', shut)
    await reader.headers
    const sink = sinkOf('t')
    await flood()
    expect([reader.bytes(), sink.isReady, sink.writes]).toEqual([0, false, 1])
    shut.settings({ initialWindowSize: 64 * KIB - 1 })
    const story = await reader.until((told) => told.length > FLOOD.length)
    // It had not been told that it is live when the flood came.
    expect(story).toEqual([...FLOOD, 'tailrace.live'])
    expect(sink.mostHeld).toBeLessThanOrEqual(MAX_HANDED_BYTES)
  })

  test('is handed no more than the bound while it does not read, and all of it once it reads on', async () => {
    const reader = read('t')
    await reader.untilLive()
    const sink = sinkOf('t')
    reader.stream.pause()
    await flood()
    expect(sink.written).toBeLessThanOrEqual(MOST_ON_THE_WAY)
    expect(sink.mostHeld).toBeLessThanOrEqual(MAX_HANDED_BYTES)
    reader.stream.resume()
    expect(await reader.until((told) => told.length > FLOOD.length)).toEqual(['tailrace.live', ...FLOOD])
    expect(sink.mostHeld).toBeLessThanOrEqual(MAX_HANDED_BYTES)
  })

  test('is reset when it is cut, though bytes for it are still here', async () => {
    const reader = read('t', dial({ initialWindowSize: 0 }))
    await reader.headers
    const sink = sinkOf('t')
    expect([sink.isReady, sink.writes]).toEqual([false, 1])
    const closed = once(reader.stream, 'close')
    sink.destroy()
    await Promise.all([sink.gone, closed])
    expect([reader.stream.rstCode, reader.bytes()]).toEqual([constants.NGHTTP2_CANCEL, 0])
  })
})

test('each of 20 streams of one session gets its own events, and one that stalls starves none', async () => {
  const topics = Array.from({ length: 20 }, (_, i) => `t${i}`)
  const readers = topics.map((topic) => read(topic))
  await Promise.all(readers.map((reader) => reader.untilLive()))
  const [stalled, ...others] = readers
  stalled!.stream.pause()
  await hub.publish(texts('t0', ...FLOOD))
  await Promise.all(
    topics.map((topic) => hub.publish(texts(topic, ...FLOOD.map((text) => `${topic} ${text}`)))),
  )
  await Promise.all(
    others.map(async (reader, i) => {
      const story = await reader.until((told) => told.length > FLOOD.length)
      expect(story).toEqual(['tailrace.live', ...FLOOD.map((text) => `t${i + 1} ${text}`)])
    }),
  )
  expect(sinkOf('t0').written).toBeLessThanOrEqual(MOST_ON_THE_WAY)
  for (const sink of watched) expect(sink.mostHeld).toBeLessThanOrEqual(MAX_HANDED_BYTES)
})

describe('the subscriber is gone when its reader', () => {
  /** What is asked of a sink afterwards: a hub that closes would end every one that it still has. */
  async function asked(sink: WatchedSink): Promise<{ writes: number; hasEnded: boolean }> {
    const before = sink.writes
    await hub.publish(texts('t', 'late'))
    await hub.close()
    return { writes: sink.writes - before, hasEnded: sink.hasEnded }
  }
  const NOTHING = { writes: 0, hasEnded: false }

  test.each([
    ['cancels the stream', constants.NGHTTP2_CANCEL],
    ['resets the stream without an error', constants.NGHTTP2_NO_ERROR],
    ['resets the stream with an error', constants.NGHTTP2_INTERNAL_ERROR],
  ])('%s', async (_, code) => {
    const reader = read('t')
    await reader.untilLive()
    const sink = sinkOf('t')
    reader.stream.close(code)
    await sink.gone
    expect(await asked(sink)).toEqual(NOTHING)
  })

  test('cancels a stream that was stalled', async () => {
    const shut = dial({ initialWindowSize: 0 })
    const reader = read('t', shut)
    await reader.headers
    const sink = sinkOf('t')
    reader.stream.close(constants.NGHTTP2_CANCEL)
    await sink.gone
    expect(await asked(sink)).toEqual(NOTHING)
  })

  test('loses the whole session', async () => {
    const reader = read('t')
    await reader.untilLive()
    const sink = sinkOf('t')
    session.destroy()
    await sink.gone
    expect(await asked(sink)).toEqual(NOTHING)
  })

  test('resets a stream of which a part of the request was read', async () => {
    server.prependListener('stream', (stream) => {
      stream.once('data', () => stream.pause())
    })
    const stream = session.request({ ':path': '/t', ':method': 'POST' }, { endStream: false })
    stream.on('error', () => {})
    await once(stream, 'response')
    stream.write(Buffer.alloc(48 * KIB))
    const sink = sinkOf('t')
    stream.close(constants.NGHTTP2_NO_ERROR)
    await sink.gone
    expect(await asked(sink)).toEqual(NOTHING)
  })
})

test('a reader that left before its stream is opened costs nothing and breaks nothing', async () => {
  const { promise: opened, resolve } = Promise.withResolvers<Sink>()
  server.removeAllListeners('stream')
  server.on('stream', (stream, headers) => {
    stream.on('close', () => {
      const sink = watch(createHttp2Sink(stream), headers[':path']!.slice(1), () => stream.writableLength)
      watched.push(sink)
      void hub.subscribe(reading({ selectors: ['t'] }), () => sink).then(() => resolve(sink))
    })
    stream.respond()
  })
  const stream = session.request({ ':path': '/t' })
  stream.on('error', () => {})
  await once(stream, 'response')
  stream.close(constants.NGHTTP2_CANCEL)
  expect((await opened).isReady).toBe(false)
  await hub.close()
  expect(sinkOf('t').hasEnded).toBe(false)
})
