import type { Hub, StreamWriter } from '@tailrace/hub'
import { createMemoryEngine } from '@tailrace/log'
import type { CompleteEventLog, MemoryEngine, RetentionRule, TailListener } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startShortHub } from './terms.ts'

let engine: MemoryEngine
let log: CompleteEventLog
/** The log of the producer, which is about to be cut off. */
let scripted: ScriptedLog
let producing: Hub
let hubs: Hub[]

beforeEach(async () => {
  engine = createMemoryEngine()
  log = engine.open()
  scripted = createScriptedLog(engine.open())
  producing = await startShortHub(scripted.log)
  hubs = [producing]
})

afterEach(async () => {
  for (const hub of hubs) await hub.close()
})

async function start(on = log): Promise<Hub> {
  const hub = await startShortHub(on)
  hubs.push(hub)
  return hub
}

async function produce(count: number): Promise<StreamWriter> {
  const writer = producing.stream('t')
  for (let i = 0; i < count; i += 1) void writer.write(`${i}`)
  await writer.flush()
  return writer
}

async function trim(rule: Omit<RetentionRule, 'selector'>): Promise<void> {
  const rules = [{ selector: '**', ...rule }]
  while (!(await log.retention.trim(rules, Date.now() + 1_000)).done);
}

/** The type and data of what is retained of the topic. */
async function retained(): Promise<unknown[]> {
  const { events } = await log.read({ selectors: ['t'], after: 0, limit: 100, maxBytes: 1_000_000 })
  return events.map(({ type = 'message', data }) => (type.startsWith('tailrace.') ? type : data))
}

const LOST = { state: 'failed', code: 'producer-lost' }

test('retention by number keeps what shows who produces a stream, also to a hub that starts later', async () => {
  await produce(20)
  await trim({ maxCount: 2 })
  expect(await retained()).toEqual(['tailrace.opened', '18', '19'])
  scripted.interrupt()
  const late = await start()
  expect(await late.findStream('t')).toMatchObject({ state: 'open' })
  await expect.poll(() => late.findStream('t')).toMatchObject(LOST)
})

test('a stream whose first events are too old to be kept ends when its producer is gone', async () => {
  const other = await start()
  await produce(20)
  await trim({ maxAgeMs: 1 })
  expect(await retained()).toEqual([])
  await producing.publish('t', { data: 'new' })
  scripted.interrupt()
  await expect.poll(retained).toEqual(['new', 'tailrace.failed'])
  expect(await other.findStream('t')).toMatchObject(LOST)
})

test('a topic that may be another one by now, because the tail has missed something, is not ended', async () => {
  let listener: TailListener
  const tail: CompleteEventLog['tail'] = (given) => {
    listener = given
    return log.tail({ ...given, purged() {} })
  }
  const other = await start({ ...log, tail })
  await produce(1)
  await log.retention.purge('t')
  await log.append([{ topic: 't', data: 'ordinary' }])
  listener!.lost((await log.describe()).newest)
  scripted.interrupt()
  // The hub has found out that the producer is gone as soon as it has ended this one.
  const marker = createScriptedLog(engine.open())
  const another = await start(marker.log)
  await another.stream('marker').opened
  marker.interrupt()
  await expect.poll(() => other.findStream('marker')).toMatchObject(LOST)
  expect(await retained()).toEqual(['ordinary'])
})
