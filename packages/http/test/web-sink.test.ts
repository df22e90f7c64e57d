import { parseSubscription, STREAM_HEADERS } from '@tailrace/http'
import { createWebSink } from '@tailrace/http/web'
import { createHub, MAX_HANDED_BYTES, Payload } from '@tailrace/hub'
import type { Hub, Sink, Subscription } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { EventLog } from '@tailrace/log'
import { createDecoder } from '@tailrace/wire'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { publishAll, publishOne, reading, texts } from '../../hub/test/opening.ts'

const KIB = 1024

/** Answers with a stream; with 204 when all that is selected has ended and was seen. */
async function respond(on: Hub, subscription: Subscription, signal?: AbortSignal): Promise<Response> {
  const sink = createWebSink(signal)
  const outcome = await on.subscribe(subscription, () => sink)
  if (outcome === 'ended') return new Response(null, { status: 204 })
  return new Response(sink.body, { headers: STREAM_HEADERS })
}

let log: EventLog
let hub: Hub
/** How many pages were read from the log. */
let pages: number

beforeEach(async () => {
  const memory = createMemoryLog()
  pages = 0
  log = {
    ...memory,
    read(query) {
      pages += 1
      return memory.read(query)
    },
  }
  hub = await createHub({ log, heartbeatMs: 0, batchMs: 0, windowBytes: 64 * KIB })
})

afterEach(async () => {
  await hub.close()
  await log.close()
})

interface BodyReader {
  /** The types of the hub's own events and the data of the others, in order. */
  readonly story: readonly string[]
  readonly chunks: readonly Uint8Array[]
  lastEventId(): string
  until(text: string): Promise<readonly string[]>
  /** Resolves when the body has ended. */
  toEnd(): Promise<readonly string[]>
  read(): Promise<boolean>
  cancel(): Promise<void>
}

function bodyOf(response: Response): BodyReader {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const story: string[] = []
  const chunks: Uint8Array[] = []
  const decoder = createDecoder({
    onEvent: ({ type, data }) => story.push(type.startsWith('tailrace.') ? type : data),
  })
  async function read(): Promise<boolean> {
    const { value, done } = await reader.read()
    if (done) return false
    chunks.push(value)
    decoder.push(value)
    return true
  }
  return {
    story,
    chunks,
    read,
    lastEventId: () => decoder.lastEventId,
    async until(text) {
      while (!story.includes(text)) {
        if (!(await read())) throw new Error(`the body ended before ${text}`)
      }
      return story
    },
    async toEnd() {
      while (await read());
      return story
    },
    cancel: () => reader.cancel(),
  }
}

test('what is made for a web stream is a sink', () => {
  expectTypeOf(createWebSink).returns.toExtend<Sink>()
})

test('a request is answered with a stream', async () => {
  await publishAll(hub, texts('t', 'a', 'b'))
  const first = bodyOf(await respond(hub, reading({ selectors: ['t'], from: 'start' })))
  await first.until('tailrace.live')
  await first.cancel()
  await publishAll(hub, texts('t', 'c'))

  const request = new Request('http://hub.example/events?topic=t', {
    headers: { 'last-event-id': first.lastEventId() },
  })
  const subscription = parseSubscription({
    query: new URL(request.url).searchParams,
    lastEventId: request.headers.get('last-event-id') ?? undefined,
  })
  const response = await respond(hub, subscription, request.signal)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toEqual({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  })
  const body = bodyOf(response)
  expect(await body.until('tailrace.live')).toEqual(['c', 'tailrace.live'])
  await body.cancel()
})

test('live events arrive, and a topic that ends, ends the body after all of it', async () => {
  const body = bodyOf(await respond(hub, reading({ selectors: ['t'] })))
  await body.until('tailrace.live')
  const live = body.until('d')
  await publishAll(hub, texts('t', 'a', 'b'))
  await hub.publish(texts('t', 'c', 'd'))
  expect(await live).toEqual(['tailrace.live', 'a', 'b', 'c', 'd'])
  await publishOne(hub, { topic: 't', data: 'last', end: true })
  expect((await body.toEnd()).slice(5)).toEqual(['last', 'tailrace.end'])
})

test('several reads at once get what follows, each its own', async () => {
  const body = bodyOf(await respond(hub, reading({ selectors: ['t'] })))
  await body.until('tailrace.live')
  const reads = Promise.all([body.read(), body.read(), body.read()])
  await publishAll(hub, texts('t', 'a', 'b', 'c'))
  await body.until('c')
  expect(body.story).toEqual(['tailrace.live', 'a', 'b', 'c'])
  await body.cancel()
  await reads
})

test('a reader that has seen the end of all that it selects gets 204', async () => {
  const body = bodyOf(await respond(hub, reading({ selectors: ['t'] })))
  await body.until('tailrace.live')
  await publishOne(hub, { topic: 't', data: 'last', end: true })
  await body.toEnd()
  const again = await respond(hub, reading({ selectors: ['t'], from: body.lastEventId() }))
  expect([again.status, again.body]).toEqual([204, null])
})

test('a hub that is closed rejects', async () => {
  await hub.close()
  await expect(respond(hub, reading({ selectors: ['t'] }))).rejects.toMatchObject({ code: 'closed' })
})

describe('a body that is not read', () => {
  test('asks for nothing and holds one payload; read on, it gets everything', async () => {
    const data = Array.from({ length: 256 }, (_, i) => `${i}:`.padEnd(4 * KIB, '.'))
    const response = await respond(hub, reading({ selectors: ['t'] }))
    const witness = bodyOf(await respond(hub, reading({ selectors: ['t'] })))
    await witness.until('tailrace.live')
    const seen = witness.until(data.at(-1)!)
    await publishAll(hub, texts('t', ...data))
    await seen
    const pagesOfWitness = pages

    const body = bodyOf(response)
    await body.read()
    expect(Buffer.concat(body.chunks).toString()).toMatch(/^retry: \d+\n\n$/)
    expect(pages).toBe(pagesOfWitness)
    // It had not been told that it is live when all of this came.
    expect(await body.until('tailrace.live')).toEqual([...data, 'tailrace.live'])
    expect(Math.max(...body.chunks.map(({ length }) => length))).toBeLessThanOrEqual(MAX_HANDED_BYTES)
    await Promise.all([body.cancel(), witness.cancel()])
  })

  test('is not ready, and is told so once for each read', async () => {
    const sink = createWebSink()
    let asked = 0
    sink.attach({ ready: () => (asked += 1), closed() {} })
    await new Promise(setImmediate)
    expect([sink.isReady, asked]).toEqual([false, 0])
    const reader = sink.body.getReader()
    const first = reader.read()
    expect([sink.isReady, asked]).toEqual([true, 1])
    const payload = new Payload(Buffer.from('x'))
    sink.write(payload)
    expect(sink.isReady).toBe(false)
    expect((await first).value).toBe(payload.bytes)
    await new Promise(setImmediate)
    expect([sink.isReady, asked]).toEqual([false, 1])
  })
})

describe('the subscriber is gone when', () => {
  /** Hands the hub its sinks through `respond`, and tells what it did with them last. */
  async function watched(signal?: AbortSignal): Promise<{ body: BodyReader; calls: string[] }> {
    const calls: string[] = []
    const spying: Hub = {
      ...hub,
      subscribe: (subscription, open) =>
        hub.subscribe(subscription, () => {
          const sink = open()!
          return {
            get isReady() {
              return sink.isReady
            },
            attach: (listener) => sink.attach(listener),
            write(payload) {
              calls.push('write')
              sink.write(payload)
            },
            end() {
              calls.push('end')
              sink.end()
            },
            destroy: () => sink.destroy(),
          }
        }),
    }
    const response = await respond(spying, reading({ selectors: ['t'] }), signal)
    return { body: bodyOf(response), calls }
  }

  /** What is asked of a sink afterwards: a hub that closes would end every one that it still has. */
  async function asked(calls: readonly string[]): Promise<string[]> {
    const before = calls.length
    await publishAll(hub, texts('t', 'late'))
    await hub.close()
    return calls.slice(before)
  }

  test('the body is cancelled', async () => {
    const { body, calls } = await watched()
    await body.until('tailrace.live')
    await body.cancel()
    expect(await asked(calls)).toEqual([])
  })

  test('the body is cancelled before it was read', async () => {
    const { body, calls } = await watched()
    await body.cancel()
    expect(await asked(calls)).toEqual([])
  })

  test('the signal is aborted, of which a read that waits is told', async () => {
    const abort = new AbortController()
    const { body, calls } = await watched(abort.signal)
    await body.until('tailrace.live')
    const waiting = body.read()
    abort.abort(new Error('the reader left'))
    await expect(waiting).rejects.toThrow('the reader left')
    expect(await asked(calls)).toEqual([])
  })

  test('the signal was aborted before the stream was opened', async () => {
    const { body, calls } = await watched(AbortSignal.abort(new Error('the reader left')))
    await expect(body.read()).rejects.toThrow('the reader left')
    expect(await asked(calls)).toEqual([])
  })
})

test('a stream that is over lets go of a signal that lives on', async () => {
  const abort = new AbortController()
  const sink = createWebSink(abort.signal)
  let closed = 0
  sink.attach({ ready() {}, closed: () => (closed += 1) })
  sink.end()
  abort.abort()
  expect(closed).toBe(0)
  expect(await sink.body.getReader().read()).toEqual({ value: undefined, done: true })
})

test('a body that is cut fails, and nothing that is asked of its sink afterwards matters', async () => {
  const sink = createWebSink()
  sink.attach({ ready() {}, closed() {} })
  const waiting = sink.body.getReader().read()
  await new Promise(setImmediate)
  expect(sink.isReady).toBe(true)
  sink.destroy()
  sink.write(new Payload(Buffer.from('late')))
  sink.end()
  sink.destroy()
  expect(sink.isReady).toBe(false)
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
})

test('a body that has ended, but was not read to its end, can still be cut', async () => {
  const sink = createWebSink()
  sink.attach({ ready() {}, closed() {} })
  sink.write(new Payload(Buffer.from('unread')))
  sink.end()
  sink.destroy()
  await expect(sink.body.getReader().read()).rejects.toMatchObject({ name: 'AbortError' })
})
