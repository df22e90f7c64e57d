import { createHub } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { createMemoryEngine, createMemoryLog, LogError, openReopeningLog } from '@tailrace/log'
import type { CompleteEventLog, EventLog } from '@tailrace/log'
import { createScriptedLog } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { open, publishAll, publishOne, readPage, texts } from './opening.ts'

const LOST = new LogError('unreachable', 'connect ECONNREFUSED 10.0.0.7:6379')
const REPLACED = new LogError('replaced', 'The engine holds another log.')

let hub: Hub
let interruptions: (string | undefined)[]
let errors: unknown[]

async function start(log: EventLog, options: HubOptions = {}): Promise<void> {
  hub = await createHub({
    log,
    heartbeatMs: 0,
    batchMs: 0,
    retryMs: 20,
    onInterruption: (reason) => interruptions.push(reason?.code),
    onError: (error) => errors.push(error),
    ...options,
  })
}

beforeEach(() => {
  interruptions = []
  errors = []
})

afterEach(async () => {
  await hub.close()
})

const signal = new AbortController().signal
const isReady = (): Promise<void> => vi.waitFor(() => hub.ready(), { timeout: 10_000 })

describe('a hub whose log cannot be reached when it starts', () => {
  let scripted: ScriptedLog
  let other: CompleteEventLog

  beforeEach(() => {
    const engine = createMemoryEngine()
    scripted = createScriptedLog(engine.open())
    other = engine.open()
    scripted.interrupt(LOST)
  })

  test('starts, and rejects with the reason whatever needs the log', async () => {
    await start(scripted.log)
    expect(hub.interruption).toBe(LOST)
    await expect(hub.ready()).rejects.toBe(LOST)
    await expect(hub.publish(texts('t', 'x'))).rejects.toBe(LOST)
    await expect(open(hub, { selectors: ['t/**'] })).rejects.toBe(LOST)
    await expect(hub.read({ selectors: ['t'] }, signal)).rejects.toBe(LOST)
    await expect(hub.topics({ prefix: '', after: '', limit: 1 })).rejects.toBe(LOST)
    await hub.drain(0)
    expect([interruptions, errors]).toEqual([['unreachable'], []])
  })

  test('becomes ready by itself when the log can be reached', async () => {
    await other.append(texts('t', 'before'))
    await start(scripted.log, { retention: [{ selector: '**', maxCount: 2 }], trimIntervalMs: 5 })
    scripted.resume()
    await isReady()
    expect(hub.interruption).toBeUndefined()
    const sink = await open(hub, { selectors: ['t'], from: 'start' })
    await publishAll(hub, texts('t', 'after', 'later'))
    await sink.untilEvents(4)
    expect(sink.story().filter((one) => one !== 'tailrace.live')).toEqual(['before', 'after', 'later'])
    await vi.waitFor(async () =>
      expect(await readPage(hub, { selectors: ['t'] })).toMatchObject({ events: [{}, {}] }),
    )
    expect([interruptions, errors]).toEqual([['unreachable', undefined], []])
  })

  test('can be used as soon as it reports that the interruption is over', async () => {
    let publishing: Promise<unknown> | undefined
    await start(scripted.log, {
      onInterruption(reason) {
        if (reason === undefined) publishing = hub.publish(texts('t', 'x'))
      },
    })
    scripted.resume()
    await vi.waitFor(() => expect(publishing).toBeDefined())
    expect(await publishing).toHaveLength(1)
  })

  test('reports another reason, and takes the one that holds now', async () => {
    await start(scripted.log)
    const unauthorized = new LogError('unauthorized', 'The engine rejects the password.')
    scripted.interrupt(unauthorized)
    await vi.waitFor(() => expect(hub.interruption).toBe(unauthorized))
    await expect(hub.publish(texts('t', 'x'))).rejects.toBe(unauthorized)
    scripted.resume()
    await isReady()
    expect(interruptions).toEqual(['unreachable', 'unauthorized', undefined])
  })

  test('closes without it', async () => {
    await start(scripted.log)
    await hub.close()
    scripted.resume()
    await expect(hub.publish(texts('t', 'x'))).rejects.toMatchObject({ code: 'closed' })
    expect(interruptions).toEqual(['unreachable'])
  })

  test.each(['unauthorized', 'foreign', 'replaced', 'corrupt'] as const)(
    'does not start for a reason that does not pass: %s',
    async (code) => {
      hub = await createHub({ log: other })
      const reason = new LogError(code, 'It will not do.')
      scripted.interrupt(reason)
      await expect(createHub({ log: scripted.log })).rejects.toBe(reason)
    },
  )
})

describe('a hub whose log is replaced', () => {
  /** The logs that the engine holds, one after the other. */
  let lives: ScriptedLog[]
  let opened: number

  beforeEach(async () => {
    lives = [createScriptedLog(createMemoryLog()), createScriptedLog(createMemoryLog())]
    opened = 0
    const log = await openReopeningLog(async () => {
      opened += 1
      return lives[opened - 1]!.log
    })
    await start(log)
  })

  test('ends its streams, and follows the new log, where readers get a gap and everything retained', async () => {
    const before = await open(hub, { selectors: ['t'] })
    const ids = await publishAll(hub, texts('t', 'a', 'b'))
    await before.untilEvents(3)
    await lives[1]!.log.append(texts('t', 'restored'))
    lives[0]!.fail(REPLACED)
    expect(before.outcome).toBe('ended')
    expect(before.events().at(-1)).toMatchObject({
      type: 'tailrace.error',
      data: '{"code":"log-unavailable"}',
    })
    expect(hub.interruption).toBe(REPLACED)
    await expect(hub.publish(texts('t', 'x'))).rejects.toBe(REPLACED)
    await isReady()

    const after = await open(hub, { selectors: ['t'], from: ids[1] })
    await after.untilEvents(3)
    const { id } = await publishOne(hub, { topic: 't', data: 'new' })
    await after.untilEvents(4)
    expect(after.story()).toEqual(['tailrace.gap', 'restored', 'tailrace.live', 'new'])
    expect(JSON.parse(after.events()[0]!.data)).toMatchObject({ reason: 'epoch', from: ids[1] })
    expect(id.split('.')[0]).not.toBe(ids[1]!.split('.')[0])
    expect([interruptions, errors, opened]).toEqual([['replaced', undefined], [], 2])
  })

  test('counts over both of them', async () => {
    await publishAll(hub, texts('t', 'a', 'b'))
    lives[0]!.fail(REPLACED)
    await isReady()
    await publishAll(hub, texts('t', 'c'))
    expect(hub.counters.publishes).toBe(3)
  })

  test('mixes no page of the new one into the old one', async () => {
    await publishAll(hub, texts('t', 'a'))
    await lives[1]!.log.append(texts('t', 'new'))
    const waiting = readPage(hub, { selectors: ['t'], from: 'now', waitSeconds: 55 })
    await readPage(hub, { selectors: ['t'] })
    lives[0]!.fail(REPLACED)
    await expect(waiting).rejects.toBe(REPLACED)
  })
})

test('a log that is replaced while the hub attaches to it is attached to again', async () => {
  const [old, current] = [createMemoryLog(), createMemoryLog()]
  await current.append(texts('t', 'a'))
  let described = 0
  await start({
    ...current,
    describe() {
      described += 1
      return described === 1 ? old.describe() : current.describe()
    },
  })
  await isReady()
  const sink = await open(hub, { selectors: ['t'], from: 'start' })
  const id = await publishOne(hub, { topic: 't', data: 'b' })
  await sink.untilEvents(3)
  expect(id.id).toBe(`${(await current.describe()).epoch}.2`)
})
