import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryEngine } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open, publishAll, readPage, texts } from './opening.ts'

/** A node whose tail is late, and another node of the same log. */
let hub: Hub
let scripted: ScriptedLog
let other: Hub
let otherLog: CompleteEventLog

beforeEach(async () => {
  const engine = createMemoryEngine()
  scripted = createScriptedLog(engine.open())
  otherLog = engine.open()
  const options = { heartbeatMs: 0, batchMs: 0 }
  hub = await createHub({ log: scripted.log, ...options })
  other = await createHub({ log: otherLog, ...options })
})

afterEach(async () => {
  await hub.close()
  await other.close()
})

/** Removes what is left of a topic, before the tail of the late node has reported it. */
async function remove(topic: string): Promise<void> {
  const rules = [{ selector: topic, maxCount: 0 }]
  while (!(await otherLog.retention.trim(rules, Date.now())).done);
  scripted.lose()
}

test('readers at the tip learn of what was removed before it was reported, before anything newer', async () => {
  const losing = await Promise.all([['t'], ['*'], ['u', 't']].map((selectors) => open(hub, { selectors })))
  await publishAll(other, texts('t', 'seen'))
  for (const sink of losing) await sink.until(() => sink.story().includes('seen'))
  scripted.interrupt()
  await publishAll(other, texts('t', 'removed', 'as well'))
  await publishAll(other, texts('u', 'kept'))
  await remove('t')
  scripted.resume()
  await publishAll(other, texts('t', 'newer'))
  for (const sink of losing) await sink.until(() => sink.story().includes('newer'))
  const stories = losing.map((sink) => sink.story().filter((one) => one !== 'tailrace.live'))
  expect(stories).toEqual([
    ['seen', 'tailrace.gap', 'newer'],
    ['seen', 'tailrace.gap', 'kept', 'newer'],
    ['seen', 'tailrace.gap', 'kept', 'newer'],
  ])
  const gaps = losing.map((sink) => sink.events().find(({ type }) => type === 'tailrace.gap')!)
  for (const { data } of gaps) expect(JSON.parse(data)).toMatchObject({ reason: 'overflow' })
})

test('readers of other topics miss nothing, and receive no gap', async () => {
  const sink = await open(hub, { selectors: ['u'] })
  await publishAll(other, texts('u', 'seen'))
  await sink.until(() => sink.story().includes('seen'))
  scripted.hold()
  await publishAll(other, [...texts('u', 'before'), ...texts('t', 'removed'), ...texts('u', 'after')])
  await remove('t')
  scripted.release()
  await publishAll(other, texts('u', 'newer'))
  await sink.until(() => sink.story().includes('newer'))
  expect(sink.story().filter((one) => one !== 'tailrace.live')).toEqual(['seen', 'before', 'after', 'newer'])
})

test('a gap comes at once, without a newer event', async () => {
  const sink = await open(hub, { selectors: ['t'] })
  await sink.until(() => sink.story().includes('tailrace.live'))
  scripted.hold()
  await publishAll(other, texts('t', 'removed'))
  await remove('t')
  scripted.release()
  await sink.until(() => sink.story().length > 2)
  expect(sink.story()).toEqual(['tailrace.live', 'tailrace.gap', 'tailrace.live'])
})

test('a reader that waits for an event of a page is told at once', async () => {
  const [from] = await publishAll(other, texts('t', 'seen'))
  scripted.hold()
  const page = readPage(hub, { selectors: ['t'], from, waitSeconds: 60 })
  await hub.read({ selectors: ['t'] }, new AbortController().signal)
  await publishAll(other, texts('t', 'removed'))
  await remove('t')
  scripted.release()
  expect(await page).toMatchObject({ gap: { reason: 'expired', from } })
})

test('streams end whose topic ended with an event that was skipped', async () => {
  const sink = await open(hub, { selectors: ['t'] })
  await sink.until(() => sink.story().includes('tailrace.live'))
  scripted.hold()
  await publishAll(other, [...texts('gone', 'removed'), { topic: 't', data: 'last', end: true }])
  await remove('gone')
  scripted.release()
  await sink.until(() => sink.outcome === 'ended')
  expect(sink.story()).toContain('last')
})

test('streams stay open if a topic that had ended was removed meanwhile, and begins again', async () => {
  const sink = await open(hub, { selectors: ['t', 'u'] })
  await publishAll(other, [{ topic: 't', data: 'last', end: true }])
  await sink.until(() => sink.story().includes('last'))
  scripted.hold()
  await publishAll(other, texts('gone', 'removed'))
  await remove('**')
  scripted.release()
  await publishAll(other, [{ topic: 'u', data: 'last', end: true }, ...texts('t', 'again')])
  await sink.until(() => sink.story().includes('again'))
  expect(sink.outcome).toBe('open')
})
