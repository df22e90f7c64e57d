import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { StreamFailure } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contentOf, startShortHub } from './terms.ts'

let hub: Hub
let errors: unknown[]
/** What a source released, when it was stopped. */
let released: string[]

beforeEach(async () => {
  errors = []
  released = []
  hub = await startShortHub(createMemoryLog(), {}, { onError: (error) => errors.push(error) })
})

afterEach(async () => {
  await hub.close()
})

/** Yields some values, and then does as it is told. */
async function* source(values: readonly unknown[], then: () => unknown = () => undefined): AsyncGenerator {
  try {
    yield* values
    await then()
  } finally {
    released.push('source')
  }
}

/** A source that is waiting when it is stopped. A generator could not respond to that. */
function waiting(): AsyncIterable<unknown> & { yields(value: unknown): void } {
  let resolve: (result: IteratorResult<unknown>) => void
  return {
    yields: (value) => resolve({ done: false, value }),
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise((settle) => (resolve = settle)),
      async return() {
        released.push('source')
        return { done: true, value: undefined }
      },
    }),
  }
}

function stream(underlying: UnderlyingDefaultSource<unknown>): ReadableStream<unknown> {
  return new ReadableStream({ cancel: (reason) => void released.push(String(reason)), ...underlying })
}

test('everything that a source yields is written, and then the stream ends', async () => {
  await hub.stream('t').pipe(source(['a', { b: 1 }]), { type: 'token' })
  const from = stream({
    start(controller) {
      controller.enqueue('a')
      controller.close()
    },
  })
  await hub.stream('u').pipe(from)
  expect((await contentOf(hub, 't')).slice(1)).toEqual(['token a', 'token {"b":1}', 'tailrace.done {} end'])
  expect((await contentOf(hub, 'u')).slice(1)).toEqual(['message a', 'tailrace.done {} end'])
})

test('a source that throws fails the stream, whose readers do not see the error', async () => {
  const error = new Error('the password is wrong')
  const failing = source(['a'], () => Promise.reject(error))
  await expect(hub.stream('t').pipe(failing)).rejects.toBe(error)
  expect((await contentOf(hub, 't')).slice(1)).toEqual([
    'message a',
    'tailrace.failed {"code":"failed","message":"The producer of this stream failed."} end',
  ])
  expect(errors).toEqual([error])
  expect(released).toEqual(['source'])
})

test('a stream failure that a source throws is one that readers see', async () => {
  const failure = new StreamFailure('upstream-truncated', 'The answer broke off.')
  const from = stream({ pull: (controller) => controller.error(failure) })
  await expect(hub.stream('t').pipe(from)).rejects.toBe(failure)
  expect(await hub.findStream('t')).toMatchObject({
    code: 'upstream-truncated',
    message: 'The answer broke off.',
  })
  expect(errors).toEqual([])
})

test.each(['an iterable', 'a web stream'])(
  '%s that never ends is stopped by a cancellation',
  async (kind) => {
    const writer = hub.stream('t')
    const endless = kind === 'an iterable' ? waiting() : stream({})
    const piped = writer.pipe(endless)
    await writer.opened
    await hub.cancelStream('t')
    await expect(piped).rejects.toMatchObject({ code: 'stream-over', details: { code: 'cancelled' } })
    expect(released).toHaveLength(1)
  },
)

test('what a source yields after a cancellation is ignored', async () => {
  const writer = hub.stream('t')
  const late = waiting()
  const piped = writer.pipe(late)
  await writer.opened
  late.yields('a')
  await new Promise(setImmediate)
  await hub.cancelStream('t')
  late.yields('b')
  await expect(piped).rejects.toMatchObject({ code: 'stream-over' })
  expect(released).toEqual(['source'])
  expect((await contentOf(hub, 't')).slice(1)).toEqual([
    'message a',
    expect.stringMatching(/^tailrace.failed /) as string,
  ])
})

test('a source is stopped also if its stream cannot be opened, is over, or ends meanwhile', async () => {
  await hub.stream('t').end()
  await expect(hub.stream('t').pipe(waiting())).rejects.toMatchObject({ code: 'stream-exists' })
  expect(released).toHaveLength(1)
  const writer = hub.stream('u')
  const piped = writer.pipe(waiting())
  await writer.end()
  await expect(piped).rejects.toMatchObject({ code: 'stream-over', details: { state: 'done' } })
  expect(released).toHaveLength(2)
  await expect(writer.pipe(waiting())).rejects.toMatchObject({ code: 'stream-over' })
  expect(released).toHaveLength(3)
})

test('a value that cannot be written fails the stream, and stops the source', async () => {
  await expect(hub.stream('t').pipe(source(['a', () => 1, 'b']))).rejects.toBeInstanceOf(TypeError)
  expect(await hub.findStream('t')).toMatchObject({ state: 'failed', code: 'failed' })
  const large = 'x'.repeat(2 * 1024 * 1024)
  await expect(hub.stream('u').pipe(source([large, 'b']))).rejects.toMatchObject({ code: 'event-too-large' })
  expect(await hub.findStream('u')).toMatchObject({ state: 'failed', code: 'event-too-large' })
  expect(released).toEqual(['source', 'source'])
})

test('a source whose release fails, or never completes, is no reason to wait', async () => {
  const writer = hub.stream('t')
  const stubborn: AsyncIterable<unknown> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return() {
        throw new Error('it will not stop')
      },
    }),
  }
  const piped = writer.pipe(stubborn)
  const other = writer.pipe(source([], () => new Promise(() => undefined)))
  await writer.opened
  await hub.cancelStream('t')
  await expect(piped).rejects.toMatchObject({ code: 'stream-over' })
  await expect(other).rejects.toMatchObject({ code: 'stream-over' })
})

test('a source that never ends leaves nothing in memory of what was stored', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const refs: WeakRef<object>[] = []
  const held = waiting()
  const abort = new AbortController()
  const writer = hub.stream('t', { signal: abort.signal })
  void writer.pipe(held)
  for (let i = 0; i < 10; i += 1) {
    const value = { i }
    refs.push(new WeakRef(value))
    held.yields(value)
    await new Promise(setImmediate)
  }
  await writer.flush()
  collect()
  expect(refs.slice(0, 8).filter((ref) => ref.deref() !== undefined)).toEqual([])
  abort.abort()
})

test.each([[['a']], ['text'], [null]])(
  'the source %j, which is none, fails the stream with what to pass',
  async (from) => {
    const piped = hub.stream('t').pipe(from as never)
    await expect(piped).rejects.toThrow('a source must be an async iterable or a ReadableStream')
    expect(await hub.findStream('t')).toMatchObject({ state: 'failed' })
  },
)
