import type { Hub, StreamWriter } from '@tailrace/hub'
import { createMemoryEngine } from '@tailrace/log'
import type { CompleteEventLog, MemoryEngine, Note, NoteQuery } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { open, publishAll, texts } from '../opening.ts'
import { contentOf, startShortHub } from './terms.ts'

let engine: MemoryEngine
/** How often another node has tried to check a lease. */
let checks: number
let scripted: ScriptedLog
/** Produces; the test can cut it off. */
let producing: Hub
let other: Hub

beforeEach(async () => {
  engine = createMemoryEngine()
  scripted = createScriptedLog(engine.open())
  producing = await startShortHub(scripted.log)
  checks = 0
  other = await startShortHub(countingChecks(engine.open()))
})

function countingChecks(log: CompleteEventLog): CompleteEventLog {
  const { shared } = log
  async function notes(query: NoteQuery): Promise<readonly Note[]> {
    if (query.prefix.startsWith('stream-producer/')) checks += 1
    return shared.notes(query)
  }
  return { ...log, shared: { ...shared, notes } }
}

/** Resolves when that has happened often enough to find out about a producer that is gone. */
async function untilChecked(): Promise<void> {
  const before = checks
  await expect.poll(() => checks).toBeGreaterThan(before + 6)
}

afterEach(async () => {
  vi.useRealTimers()
  for (const hub of [producing, other]) await hub.close()
})

const PRODUCER_LOST = { state: 'failed', code: 'producer-lost' }

test('a stream is cancelled from another node, and its producer learns it from its tail', async () => {
  const writer = producing.stream('t')
  await writer.write('a')
  await writer.flush()
  expect(await other.findStream('t')).toMatchObject({ topic: 't', state: 'open' })
  expect(await other.cancelStream('t')).toBe(true)
  expect(writer.signal.aborted).toBe(true)
  await expect(writer.write('b')).rejects.toMatchObject({
    code: 'stream-over',
    details: { state: 'failed', code: 'cancelled' },
  })
  expect(await contentOf(other, 't')).toHaveLength(3)
})

test('an end that is on its way loses to a cancellation that was stored before it', async () => {
  const writer = producing.stream('t')
  await writer.opened
  scripted.hold()
  expect(await other.cancelStream('t')).toBe(true)
  await expect(writer.end()).rejects.toMatchObject({ code: 'stream-over', details: { code: 'cancelled' } })
  scripted.release()
  expect(writer.signal.aborted).toBe(true)
  expect(await other.findStream('t')).toMatchObject({ code: 'cancelled' })
})

test('a stream stays open for as long as its producer lives, though nothing is written', async () => {
  const writer = producing.stream('t')
  await writer.opened
  await untilChecked()
  expect(await other.findStream('t')).toMatchObject({ state: 'open' })
  await writer.end()
})

test('a producer that is gone is missed by another node, and readers see that its stream failed', async () => {
  const writer = producing.stream('t')
  await writer.write('a')
  const sink = await open(other, { selectors: ['t'], from: await writer.opened })
  scripted.interrupt()
  await sink.until(() => sink.outcome === 'ended')
  expect(sink.events().at(-2)).toMatchObject({
    type: 'tailrace.failed',
    data: '{"code":"producer-lost","message":"The producer of this stream is gone."}',
  })
  expect(await other.findStream('t')).toMatchObject(PRODUCER_LOST)
  // It comes back, and learns what has become of its stream. What it wrote meanwhile is stored nowhere.
  await writer.write('b')
  scripted.resume()
  await expect(writer.flush()).rejects.toMatchObject({ code: 'stream-over', details: PRODUCER_LOST })
  expect(writer.signal.aborted).toBe(true)
  expect(await contentOf(other, 't')).toHaveLength(3)
})

test('a node that was not there when a stream was opened watches it as soon as someone asks for it', async () => {
  const writer = producing.stream('t')
  await writer.opened
  const late = await startShortHub(engine.open())
  await other.close()
  scripted.interrupt()
  expect(await late.findStream('t')).toMatchObject({ state: 'open' })
  await expect.poll(() => late.findStream('t')).toMatchObject(PRODUCER_LOST)
  await late.close()
})

test('a node that cannot read the leases for a while declares nobody lost', async () => {
  const writer = producing.stream('t')
  await writer.opened
  const cut = createScriptedLog(engine.open())
  const errors: unknown[] = []
  const watching = await startShortHub(
    countingChecks(cut.log),
    {},
    { onError: (error) => errors.push(error) },
  )
  await other.close()
  await watching.findStream('t')
  await untilChecked()
  cut.interrupt()
  await untilChecked()
  cut.resume()
  await untilChecked()
  expect(await watching.findStream('t')).toMatchObject({ state: 'open' })
  expect(errors).toEqual([])
  await watching.close()
})

test('after an interruption for all nodes, a producer that can reach the log later than others is not lost', async () => {
  const writer = producing.stream('t')
  await writer.opened
  const cut = createScriptedLog(engine.open())
  const watching = await startShortHub(countingChecks(cut.log))
  await other.close()
  await watching.findStream('t')
  await untilChecked()
  scripted.interrupt()
  cut.interrupt()
  await untilChecked()
  cut.resume()
  const before = checks
  await expect.poll(() => checks, { interval: 1 }).toBeGreaterThanOrEqual(before + 2)
  scripted.resume()
  await untilChecked()
  expect(await watching.findStream('t')).toMatchObject({ state: 'open' })
  await watching.close()
})

const DAY_MS = 24 * 3_600_000

test.each([-DAY_MS, DAY_MS])(
  'a wall clock that jumps by %s milliseconds ends no stream, and purges none before its time',
  async (jumpMs) => {
    await producing.stream('over', { ttlMs: DAY_MS / 2 }).end()
    const writer = producing.stream('t')
    await writer.opened
    await untilChecked()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + jumpMs })
    await untilChecked()
    await untilChecked()
    expect(await other.findStream('t')).toMatchObject({ state: 'open' })
    expect(await other.findStream('over')).toMatchObject({ state: 'done' })
    await writer.end()
  },
)

test('a hub that closes ends its streams, with an error that readers see', async () => {
  const writer = producing.stream('t')
  await writer.write('a')
  const sink = await open(other, { selectors: ['t'], from: await writer.opened })
  await producing.close()
  expect(writer.signal.reason).toMatchObject({ code: 'closed' })
  await sink.until(() => sink.outcome === 'ended')
  expect(await other.findStream('t')).toMatchObject({
    ...PRODUCER_LOST,
    message: 'The producer of this stream was shut down.',
  })
  expect(() => producing.stream('u')).toThrow('The hub is closed.')
})

test('a topic is purged on all nodes some time after the end of its stream, and can be used again', async () => {
  const writer = producing.stream('t', { ttlMs: 0 })
  await writer.end()
  await expect.poll(() => other.findStream('t')).toBeUndefined()
  const again = other.stream('t')
  await again.write('b')
  await again.end()
  // The next stream of both nodes that is due at once: the round that purges it has looked at the other one, too.
  await producing.stream('marker', { ttlMs: 0 }).end()
  await expect.poll(() => other.findStream('marker')).toBeUndefined()
  expect(await contentOf(producing, 't')).toHaveLength(3)
})

test('a topic whose stream ended while no hub was running is purged by the next one', async () => {
  await producing.stream('old', { ttlMs: 50 }).end()
  await publishAll(producing, [...texts('ordinary', 'a'), { topic: 'ended', data: '', end: true }])
  const abandoned = producing.stream('abandoned')
  await abandoned.opened
  scripted.interrupt()
  await other.close()
  const next = await startShortHub(engine.open(), { sweepMs: 50 })
  await expect.poll(() => next.findStream('abandoned')).toMatchObject(PRODUCER_LOST)
  const names = async (): Promise<string[]> =>
    (await next.topics({ prefix: '', after: '', limit: 10 })).map(({ topic }) => topic)
  await expect.poll(names).toEqual(['abandoned', 'ended', 'ordinary'])
  await next.close()
})

test('a hub that starts finds streams without a producer at once, though another has searched within the hour', async () => {
  const log = engine.open()
  await producing.stream('over').end()
  const earlier = await startShortHub(engine.open())
  await expect.poll(() => log.shared.notes({ prefix: 'streams/sweep/', after: '', limit: 1 })).toHaveLength(1)
  for (const hub of [earlier, other]) await hub.close()
  const writer = producing.stream('t')
  await writer.write('a')
  await writer.flush()
  scripted.interrupt()
  const restarted = await startShortHub(engine.open())
  const sink = await open(restarted, { selectors: ['t'], from: await writer.opened })
  await sink.until(() => sink.outcome === 'ended')
  expect(await restarted.findStream('t')).toMatchObject(PRODUCER_LOST)
  await restarted.close()
})

test('an opening that the tail has missed is found out, and the stream ends without its producer', async () => {
  const late = createScriptedLog(engine.open())
  const watching = await startShortHub(late.log)
  await other.close()
  late.hold()
  const writer = producing.stream('t')
  await writer.opened
  late.lose()
  late.release()
  scripted.interrupt()
  const sink = await open(watching, { selectors: ['t'], from: await writer.opened })
  await sink.until(() => sink.outcome === 'ended')
  expect(await watching.findStream('t')).toMatchObject(PRODUCER_LOST)
  await watching.close()
})

test('an end that the tail of the producer has missed is found out', async () => {
  const writer = producing.stream('t')
  await writer.opened
  scripted.hold()
  await other.cancelStream('t')
  scripted.lose()
  scripted.release()
  await expect.poll(() => writer.signal.aborted).toBe(true)
  expect(writer.signal.reason).toMatchObject({ code: 'stream-over', details: { code: 'cancelled' } })
})

test.each<[string, (writer: StreamWriter) => unknown]>([
  ['is open', (writer) => writer.opened],
  ['is being opened', () => undefined],
])(
  'what a late tail reports of an earlier stream does not concern a stream of the same topic that %s',
  async (_, opened) => {
    const first = producing.stream('t')
    await first.opened
    scripted.hold()
    await first.end()
    await other.purge('t')
    const writer = producing.stream('t')
    await opened(writer)
    scripted.release()
    await writer.write('a')
    await writer.end()
    expect((await contentOf(other, 't')).slice(1)).toEqual(['message a', 'tailrace.done {} end'])
  },
)
