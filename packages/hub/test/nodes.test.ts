import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryEngine } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { open, publishAll, texts } from './opening.ts'

let hubs: [Hub, Hub]
/** The second node, whose tail may be late. */
let scripted: ScriptedLog

beforeEach(async () => {
  const engine = createMemoryEngine()
  scripted = createScriptedLog(engine.open())
  const options = { heartbeatMs: 0, batchMs: 0 }
  hubs = [
    await createHub({ log: engine.open(), ...options }),
    await createHub({ log: scripted.log, ...options }),
  ]
})

afterEach(async () => {
  for (const hub of hubs) await hub.close()
})

test('what is published on any node reaches the readers of every node, in one order', async () => {
  const sinks = await Promise.all(hubs.map((hub) => open(hub, { selectors: ['t'] })))
  await Promise.all(Array.from({ length: 60 }, (_, i) => hubs[i % 2]!.publish(texts('t', `${i}`))))
  const [one, other] = await Promise.all(sinks.map((sink) => sink.untilEvents(61)))
  expect(one).toEqual(other)
})

test('a reader that was cut off resumes at another node without loss or repetition', async () => {
  const before = await open(hubs[0], { selectors: ['t'] })
  await publishAll(hubs[1], texts('t', 'a', 'b'))
  await before.untilEvents(3)
  before.leave()
  await publishAll(hubs[0], texts('t', 'c'))
  const after = await open(hubs[1], { selectors: ['t'], from: before.lastEventId() })
  await publishAll(hubs[0], texts('t', 'd'))
  await after.untilEvents(3)
  expect(after.story().filter((one) => one !== 'tailrace.live')).toEqual(['c', 'd'])
})

test('a cursor of a node that is ahead is known at one whose tail is late, which repeats nothing', async () => {
  scripted.hold()
  const ids = await publishAll(hubs[0], texts('t', 'a', 'b', 'c'))
  const sink = await open(hubs[1], { selectors: ['t'], from: ids[1] })
  scripted.release()
  await publishAll(hubs[0], texts('t', 'd'))
  await sink.until(() => sink.story().includes('d'))
  expect(sink.story().filter((one) => one !== 'tailrace.live')).toEqual(['c', 'd'])
})

test('what is purged on one node is not delivered from the memory of another', async () => {
  const live = await open(hubs[1], { selectors: ['t'] })
  await publishAll(hubs[0], texts('t', 'a'))
  await live.untilEvents(2)
  await hubs[0].purge('t')
  const sink = await open(hubs[1], { selectors: ['t'], from: 'start' })
  await sink.until(() => sink.story().includes('tailrace.live'))
  expect(sink.story()).toEqual(['tailrace.live'])
})
