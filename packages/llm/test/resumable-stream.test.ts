import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryEngine, createMemoryLog } from '@tailrace/log'
import type { CompleteEventLog, EventLog } from '@tailrace/log'
import { createResumableStreamContext as createOriginal } from 'resumable-stream/generic'
import type { ResumableStreamContext } from 'resumable-stream/generic'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createResumableStreamContext } from '../src/resumable-stream/index.ts'
import { createInMemoryRedis } from './in-memory-redis.ts'

let log: CompleteEventLog
let hub: Hub
let waitedFor: Promise<unknown>[]

beforeEach(async () => {
  log = createMemoryLog()
  hub = await createHub({ log, heartbeatMs: 10 })
  waitedFor = []
})
afterEach(() => hub.close())

const waitUntil = (promise: Promise<unknown>): void => void waitedFor.push(promise)

/** A stream of strings, and its other end. */
function source(): { make: () => ReadableStream<string>; made: () => number; writer: Source } {
  const { readable, writable } = new TransformStream<string, string>(undefined, { highWaterMark: 1_000 })
  let made = 0
  const make = (): ReadableStream<string> => {
    made += 1
    return readable
  }
  return { make, made: () => made, writer: writable.getWriter() }
}

type Source = WritableStreamDefaultWriter<string>

function produce(writer: Source, ...chunks: string[]): void {
  for (const chunk of chunks) void writer.write(chunk)
}

async function read(stream: ReadableStream<string> | null | undefined): Promise<string> {
  let text = ''
  for await (const chunk of stream!) text += chunk
  return text
}

/** Reads until as many characters have arrived, and leaves. */
async function readSome(stream: ReadableStream<string>, characters: number): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += chunk
    if (text.length >= characters) break
  }
  return text
}

const CONTEXTS: Record<string, () => ResumableStreamContext> = {
  'resumable-stream': () => createOriginal({ waitUntil, ...createInMemoryRedis() }),
  '@tailrace/llm/resumable-stream': () => createResumableStreamContext({ waitUntil, hub }),
}

describe.each(Object.entries(CONTEXTS))('a context of %s', (_, create) => {
  test('passes a stream on', async () => {
    const { make, writer } = source()
    const stream = await create().resumableStream('a', make)
    produce(writer, '1\r\n', '2\n', '', '🌍')
    await writer.close()
    expect(await read(stream)).toBe('1\r\n2\n🌍')
    await Promise.all(waitedFor)
  })

  test.each([0, 1, 2])(
    'resumes a stream of which %d chunks were produced, and produces it once',
    async (early) => {
      const { make, made, writer } = source()
      const context = create()
      const chunks = ['1\n', '2\n']
      const first = await context.resumableStream('a', make)
      produce(writer, ...chunks.slice(0, early))
      const second = await context.resumableStream('a', make)
      const third = await context.resumeExistingStream('a')
      produce(writer, ...chunks.slice(early))
      await writer.close()
      expect(await Promise.all([read(third), read(second), read(first)])).toEqual([
        '1\n2\n',
        '1\n2\n',
        '1\n2\n',
      ])
      expect(made()).toBe(1)
    },
  )

  test('keeps streams with different ids apart', async () => {
    const context = create()
    const [a, b] = [source(), source()]
    const streams = [
      await context.resumableStream('a', a.make),
      await context.resumableStream('b', b.make),
      await context.resumableStream('a', a.make),
      await context.resumableStream('b', b.make),
    ]
    produce(a.writer, 'of a')
    produce(b.writer, 'of b')
    await Promise.all([a.writer.close(), b.writer.close()])
    expect(await Promise.all(streams.map((stream) => read(stream)))).toEqual(['of a', 'of b', 'of a', 'of b'])
  })

  test('leaves out the characters that a reader has, counted like length', async () => {
    const { make, writer } = source()
    const context = create()
    const first = await context.createNewResumableStream('a', make)
    produce(writer, 'é🌍', 'abc')
    await readSome(first!, 6)
    const resumed = await Promise.all([3, 4, 6].map((skip) => context.resumeExistingStream('a', skip)))
    produce(writer, 'd')
    await writer.close()
    expect(await Promise.all(resumed.map((stream) => read(stream)))).toEqual(['abcd', 'bcd', 'd'])
  })

  test('goes on producing when its reader has left', async () => {
    const { make, writer } = source()
    const context = create()
    const first = await context.createNewResumableStream('a', make)
    produce(writer, '1')
    expect(await readSome(first!, 1)).toBe('1')
    const resumed = await context.resumeExistingStream('a')
    produce(writer, '2')
    await writer.close()
    expect(await read(resumed)).toBe('12')
  })

  test('knows which streams there are, and which are over', async () => {
    const { make, writer } = source()
    const context = create()
    expect([await context.hasExistingStream('a'), await context.resumeExistingStream('a')]).toEqual([
      null,
      undefined,
    ])
    await context.createNewResumableStream('a', make)
    expect(await context.hasExistingStream('a')).toBe(true)
    produce(writer, 'x')
    await writer.close()
    await Promise.all(waitedFor)
    expect(await context.hasExistingStream('a')).toBe('DONE')
  })

  test('has null instead of a stream that is over, for a reader that has all of it', async () => {
    const { make, made, writer } = source()
    const context = create()
    await context.createNewResumableStream('a', make)
    produce(writer, 'abc')
    await writer.close()
    await Promise.all(waitedFor)
    expect(await context.resumeExistingStream('a', 3)).toBeNull()
    expect(await context.resumableStream('a', make, 3)).toBeNull()
    expect(made()).toBe(1)
  })

  test('takes any text for an id', async () => {
    const context = create()
    for (const id of ['..', '*', 'a/b', 'é 🌍', 'a%2Fb', '%']) {
      const { make, writer } = source()
      const stream = await context.resumableStream(id, make)
      produce(writer, id)
      await writer.close()
      expect(await read(stream)).toBe(id)
    }
  })
})

describe('beyond the original', () => {
  const context = (on: Hub = hub, ttlMs?: number): ReturnType<typeof createResumableStreamContext> =>
    createResumableStreamContext({ waitUntil, hub: on, ttlMs })

  test('a stream that is over is replayed, from any character', async () => {
    const { make, writer } = source()
    await context().resumableStream('a', make)
    produce(writer, 'one ', 'two')
    await writer.close()
    await Promise.all(waitedFor)
    const again = [
      await context().resumableStream('a', make),
      await context().resumeExistingStream('a', 2),
      await context().resumeExistingStream('a', 4),
    ]
    expect(await Promise.all(again.map((stream) => read(stream)))).toEqual(['one two', 'e two', 'two'])
    expect(await context().createNewResumableStream('a', make)).toBeNull()
  })

  test('a stream that has been purged, as all are after their time-to-live, is unknown', async () => {
    const { make, writer } = source()
    await context().resumableStream('a', make)
    produce(writer, 'x')
    await writer.close()
    await Promise.all(waitedFor)
    await hub.purge('resumable-stream/a')
    expect([await context().hasExistingStream('a'), await context().resumeExistingStream('a')]).toEqual([
      null,
      undefined,
    ])
    await expect(context(hub, -1).resumableStream('a', make)).rejects.toThrow('`ttlMs` must be')
  })

  test('a stream whose beginning retention has removed fails, and so does one that is purged before it is read', async () => {
    const { make, writer } = source()
    const early = await context().resumableStream('a', make)
    const [late, purged] = [
      await context().resumeExistingStream('a'),
      await context().resumeExistingStream('a'),
    ]
    produce(writer, 'x', 'y')
    expect(await readSome(early!, 2)).toBe('xy')
    await writer.close()
    await Promise.all(waitedFor)
    await log.retention.trim([{ selector: 'resumable-stream/*', maxCount: 2 }], Date.now())
    await expect(read(late)).rejects.toMatchObject({ code: 'closed', details: { reason: 'expired' } })
    await hub.purge('resumable-stream/a')
    await expect(read(purged)).rejects.toMatchObject({ code: 'closed', details: { reason: 'expired' } })
  })

  test('a stream that is produced cannot be created a second time', async () => {
    const [one, two] = [source(), source()]
    const stream = await context().createNewResumableStream('a', one.make)
    await expect(context().createNewResumableStream('a', two.make)).rejects.toMatchObject({
      code: 'stream-exists',
    })
    produce(one.writer, 'x')
    await one.writer.close()
    expect([await read(stream), two.made()]).toEqual(['x', 0])
  })

  test('of many that ask at the same time, one produces, and all read the same', async () => {
    const { make, made, writer } = source()
    const streams = await Promise.all(Array.from({ length: 20 }, () => context().resumableStream('a', make)))
    produce(writer, 'x', 'y')
    await writer.close()
    expect(new Set(await Promise.all(streams.map((stream) => read(stream))))).toEqual(new Set(['xy']))
    expect(made()).toBe(1)
  })

  test('a source that fails fails for all its readers, after what it produced', async () => {
    const { make, writer } = source()
    const first = await context().resumableStream('a', make)
    const second = await context().resumeExistingStream('a')
    produce(writer, 'x')
    expect(await first!.getReader().read()).toEqual({ done: false, value: 'x' })
    await writer.abort(new Error('the secret reason'))
    await Promise.all(waitedFor)
    const third = await context().resumeExistingStream('a', 1)
    for (const stream of [second, third]) {
      await expect(read(stream)).rejects.toMatchObject({
        code: 'failed',
        message: expect.not.stringContaining('secret'),
      })
    }
    expect(await context().hasExistingStream('a')).toBe('DONE')
  })

  test('a stream that is cancelled stops its source at once, even while that is silent', async () => {
    const stopped = Promise.withResolvers<unknown>()
    let signal: AbortSignal | undefined
    const stream = await createResumableStreamContext({ waitUntil, hub }).createNewResumableStream(
      'a',
      (given) => {
        signal = given
        return new ReadableStream({
          start: (controller) => controller.enqueue('one'),
          cancel: stopped.resolve,
        })
      },
    )
    expect(await readSome(stream!, 3)).toBe('one')
    expect(await context().cancelStream('a')).toBe(true)
    expect(await stopped.promise).toMatchObject({ code: 'stream-over' })
    expect(signal?.aborted).toBe(true)
    await Promise.all(waitedFor)
    expect(await context().hasExistingStream('a')).toBe('DONE')
    expect(await context().cancelStream('a')).toBe(false)
    await expect(context().cancelStream('b')).rejects.toMatchObject({ code: 'unknown-stream' })
  })

  test('a producer that throws before it has begun leaves a stream that failed', async () => {
    const make = (): never => {
      throw new Error('no model')
    }
    await expect(context().resumableStream('a', make)).rejects.toThrow('no model')
    await expect(read(await context().resumeExistingStream('a'))).rejects.toMatchObject({ code: 'failed' })
  })

  test('characters that are cut in two are put together', async () => {
    const { make, writer } = source()
    const stream = await context().resumableStream('a', make)
    produce(writer, 'a\uD83C', '\uDF0D', 'b', '\uD83C')
    await writer.close()
    expect(await read(stream)).toBe('a🌍b\uFFFD')
  })

  test('a chunk of several megabytes arrives, next to heartbeats', async () => {
    const large = await createHub({ log: 'memory:', maxEventBytes: 8_000_000, heartbeatMs: 1 })
    const { make, writer } = source()
    const stream = await context(large).resumableStream('a', make)
    const chunk = 'é\n'.repeat(1_000_000)
    produce(writer, 'x', chunk)
    await writer.close()
    expect((await read(stream)) === `x${chunk}`).toBe(true)
    await large.close()
  })

  describe('on two nodes', () => {
    let logs: EventLog[]
    let hubs: Hub[]

    beforeEach(async () => {
      const engine = createMemoryEngine()
      logs = [engine.open(), engine.open()]
      hubs = await Promise.all(logs.map((one) => createHub({ log: one, heartbeatMs: 10 })))
    })
    afterEach(async () => {
      await Promise.all(hubs.map((one) => one.close()))
      await Promise.all(logs.map((one) => one.close()))
    })

    test('a stream is resumed on the other one', async () => {
      const { make, writer } = source()
      await context(hubs[0]).resumableStream('a', make)
      produce(writer, 'x')
      const resumed = await context(hubs[1]).resumeExistingStream('a')
      produce(writer, 'y')
      await writer.close()
      expect(await read(resumed)).toBe('xy')
    })

    test('a stream whose hub closes fails on the other one, after what it produced', async () => {
      const { make, writer } = source()
      const stream = await context(hubs[0]).resumableStream('a', make)
      const resumed = await context(hubs[1]).resumeExistingStream('a')
      produce(writer, 'x')
      const reader = resumed!.getReader()
      expect(await reader.read()).toEqual({ done: false, value: 'x' })
      const local = stream!.getReader()
      expect(await local.read()).toEqual({ done: false, value: 'x' })
      await hubs[0]!.close()
      await expect(reader.read()).rejects.toMatchObject({ name: 'StreamFailure' })
      await expect(local.read()).rejects.toMatchObject({
        name: expect.stringMatching(/^(StreamFailure|HubError)$/),
      })
    })
  })
})
