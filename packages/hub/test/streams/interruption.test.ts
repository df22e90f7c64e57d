import type { Hub } from '@tailrace/hub'
import { createMemoryEngine, LogError } from '@tailrace/log'
import type { Appended, CompleteEventLog, NewEvent, Note, Page, Query } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { contentOf, startShortHub } from './terms.ts'

const UNKNOWN = new LogError('outcome-unknown', 'The connection was lost before the engine responded.')

let inner: CompleteEventLog
let scripted: ScriptedLog
let hub: Hub
let errors: unknown[]
/** What happens to the next appends, in order: stored, with this error afterwards, or refused with it. */
let script: { readonly error: LogError; readonly isStored: boolean; readonly isLate?: boolean }[]
/** Appends that were still on their way to the engine when the connection was lost. They arrive after the next one. */
let late: (readonly NewEvent[])[]
/** How many of the reads after the next duplicate fail. */
let failingReads: number
let readsToFail: number

async function append(batch: readonly NewEvent[]): Promise<readonly Appended[]> {
  const next = script.shift()
  if (next === undefined) {
    const stored = await inner.append(batch)
    if (stored[0]!.duplicate) readsToFail = failingReads
    for (const one of late.splice(0)) await inner.append(one)
    return stored
  }
  if (next.isStored) await inner.append(batch)
  if (next.isLate === true) late.push(batch)
  throw next.error
}

async function read(query: Query): Promise<Page> {
  if (readsToFail === 0) return inner.read(query)
  readsToFail -= 1
  throw new LogError('unreachable', 'The engine cannot be reached.')
}

beforeEach(async () => {
  inner = createMemoryEngine().open()
  script = []
  failingReads = 0
  readsToFail = 0
  late = []
  errors = []
  scripted = createScriptedLog({ ...inner, append, read })
  hub = await startShortHub(scripted.log, { leaseMs: 10_000 }, { onError: (error) => errors.push(error) })
})

afterEach(async () => {
  await hub.close()
})

test('what is written during an interruption is stored after it, in order', async () => {
  const writer = hub.stream('t')
  await writer.write('before')
  await writer.flush()
  scripted.interrupt()
  for (let i = 0; i < 3; i += 1) await writer.write(`during ${i}`)
  const end = writer.end()
  scripted.resume()
  await end
  expect((await contentOf(hub, 't')).slice(1)).toEqual([
    'message before',
    'message during 0',
    'message during 1',
    'message during 2',
    'tailrace.done {} end',
  ])
  expect(errors).toEqual([])
})

test('a producer that awaits each write waits while the log cannot store, and holds about a mebibyte', async () => {
  const writer = hub.stream('t')
  await writer.opened
  scripted.interrupt()
  const data = 'x'.repeat(100_000)
  let written = 0
  async function produce(): Promise<void> {
    for (; written < 100; written += 1) await writer.write(data)
  }
  const producing = produce()
  for (let i = 0; i < 1_000; i += 1) await Promise.resolve()
  expect(written).toBeGreaterThan(8)
  expect(written).toBeLessThan(12)
  scripted.resume()
  await producing
  await writer.end()
  expect(await contentOf(hub, 't')).toHaveLength(102)
})

test('many producers that await each write hold no more than all of them together may', async () => {
  const writers = Array.from({ length: 100 }, (_, i) => hub.stream(`t/${i}`))
  await Promise.all(writers.map(({ opened }) => opened))
  scripted.interrupt()
  const data = 'x'.repeat(900_000)
  let written = 0
  const produced = writers.map(async (writer) => {
    await writer.write(data)
    written += 1
    await writer.end({ data })
  })
  for (let i = 0; i < 1_000; i += 1) await Promise.resolve()
  expect(written).toBeGreaterThan(70)
  expect(written).toBeLessThan(80)
  scripted.resume()
  await Promise.all(produced)
})

test('a producer that awaits nothing is refused before it uses too much memory, and can continue', async () => {
  const writer = hub.stream('t')
  await writer.opened
  scripted.interrupt()
  const data = 'x'.repeat(1_000_000)
  const writes = await Promise.allSettled([
    ...Array.from({ length: 20 }, () => Promise.race([writer.write(data), Promise.resolve()])),
    writer.write(data),
  ])
  expect(writes.at(-1)).toMatchObject({ reason: { code: 'busy', details: { topic: 't' } } })
  const accepted = writes.filter(({ status }) => status === 'fulfilled').length
  expect(accepted).toBeLessThan(18)
  scripted.resume()
  await writer.flush()
  await writer.write('next')
  await writer.end()
  expect(await contentOf(hub, 't')).toHaveLength(accepted + 3)
})

test.each([true, false])(
  'appends whose outcome is unknown are repeated without storing anything twice (stored: %s)',
  async (isStored) => {
    const writer = hub.stream('t')
    script.push({ error: UNKNOWN, isStored })
    await writer.write('a')
    await writer.flush()
    script.push({ error: UNKNOWN, isStored }, { error: UNKNOWN, isStored })
    void writer.write('b')
    void writer.write('c')
    await writer.flush()
    script.push({ error: UNKNOWN, isStored })
    await writer.end()
    expect((await contentOf(hub, 't')).slice(1)).toEqual([
      'message a',
      'message b',
      'message c',
      'tailrace.done {} end',
    ])
    expect(errors).toEqual([])
  },
)

test('that streams wait for a log without room is reported once, and they continue when it has some', async () => {
  const writers = [hub.stream('t'), hub.stream('u')]
  for (const writer of writers) await writer.opened
  const full = { error: new LogError('full', 'The disk is full.'), isStored: false }
  script.push(full, full, full, full)
  for (const writer of writers) void writer.write('a')
  for (const writer of writers) await writer.end()
  expect(errors).toEqual([full.error])
  for (const topic of ['t', 'u']) expect(await contentOf(hub, topic)).toHaveLength(3)
})

test('a stream that was opened, which is unknown at first and cannot be read at once, is not abandoned', async () => {
  script.push({ error: UNKNOWN, isStored: true })
  failingReads = 2
  const writer = hub.stream('t')
  await writer.opened
  await writer.end()
  expect(await contentOf(hub, 't')).toHaveLength(2)
})

test('an append that reaches the engine after its repeat stores nothing twice', async () => {
  const writer = hub.stream('t')
  await writer.opened
  for (const data of ['a', 'b']) {
    script.push({ error: UNKNOWN, isStored: false, isLate: true })
    await writer.write(data)
    await writer.flush()
  }
  script.push({ error: UNKNOWN, isStored: false, isLate: true })
  await writer.end()
  expect((await contentOf(hub, 't')).slice(1)).toEqual(['message a', 'message b', 'tailrace.done {} end'])
})

test('a stream that cannot be opened is refused at once, and its topic stays free', async () => {
  scripted.interrupt()
  const writer = hub.stream('t')
  await expect(writer.opened).rejects.toMatchObject({ code: 'unreachable' })
  await expect(writer.write('a')).rejects.toMatchObject({ code: 'unreachable' })
  expect(writer.signal.reason).toMatchObject({ code: 'unreachable' })
  scripted.resume()
  await hub.stream('t').end()
  expect(await hub.findStream('t')).toMatchObject({ state: 'done' })
})

test('an event that the engine does not accept ends the stream with that reason', async () => {
  const writer = hub.stream('t')
  await writer.opened
  script.push({
    error: new LogError('too-large', 'at most 10 bytes', { details: { limit: 10 } }),
    isStored: false,
  })
  await writer.write('a')
  await expect(writer.flush()).rejects.toMatchObject({ code: 'too-large' })
  await expect.poll(() => hub.findStream('t')).toMatchObject({ state: 'failed', code: 'event-too-large' })
  expect(errors).toMatchObject([{ code: 'too-large' }])
})

test('a log that fails for another reason ends the stream as soon as it can store that', async () => {
  const writer = hub.stream('t')
  await writer.opened
  const error = new LogError('corrupt', 'The log is damaged.')
  script.push({ error, isStored: false }, { error, isStored: false })
  await writer.write('a')
  await expect(writer.end()).rejects.toBe(error)
  await expect.poll(() => hub.findStream('t')).toMatchObject({ state: 'failed', code: 'failed' })
})

test('a log that is replaced ends the writers that belong to it, and stores nothing of theirs', async () => {
  const writer = hub.stream('t')
  await writer.write('a')
  await writer.flush()
  const replaced = new LogError('replaced', 'The engine holds another log.')
  scripted.fail(replaced)
  expect(writer.signal.reason).toBe(replaced)
  await expect(writer.write('b')).rejects.toBe(replaced)
  await expect(writer.end()).rejects.toBe(replaced)
  await expect.poll(() => hub.interruption).toBeUndefined()
  expect(await contentOf(hub, 't')).toHaveLength(2)
  await hub.stream('u').end()
})

test('a purge of the topic aborts its producer, and what was still to be stored is not', async () => {
  const writer = hub.stream('t')
  await writer.write('a')
  await writer.flush()
  await hub.purge('t')
  expect(writer.signal.reason).toMatchObject({ code: 'stream-over', details: { state: 'purged' } })
  await expect(writer.write('b')).rejects.toMatchObject({ code: 'stream-over' })
  expect(await hub.findStream('t')).toBeUndefined()
  await hub.stream('t').end()
  expect(await contentOf(hub, 't')).toHaveLength(2)
})

test('a hub that closes during an interruption does not wait for it', async () => {
  const writer = hub.stream('t')
  await writer.opened
  scripted.interrupt()
  await writer.write('a')
  await hub.close()
  expect(writer.signal.reason).toMatchObject({ code: 'closed' })
})

test('the opening of a stream does not wait for the lease of its producer', async () => {
  const notes: string[] = []
  const shared = {
    ...inner.shared,
    note(note: Note) {
      if (!note.key.startsWith('stream-producer/')) return inner.shared.note(note)
      notes.push(note.key)
      return new Promise<boolean>(() => undefined)
    },
  }
  const slow = await startShortHub({ ...inner, shared }, { leaseMs: 10_000 }, {})
  const writer = slow.stream('t')
  await writer.opened
  expect(notes).toHaveLength(1)
  await writer.end()
  await slow.close()
})
