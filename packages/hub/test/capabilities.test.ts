import { createHub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { Capability, EventLog } from '@tailrace/log'
import { expect, test } from 'vitest'
import { open, publishAll, reading, texts } from './opening.ts'
import { createScriptedSink } from './scripted-sink.ts'

/** A log that can do no more than every log can, or lacks one capability. */
function without(...missing: readonly Capability[]): EventLog {
  const log: Record<string, unknown> = { ...createMemoryLog() }
  for (const capability of missing) delete log[capability]
  return log as unknown as EventLog
}

const unsupported = (capability: Capability): object => ({ code: 'unsupported', details: { capability } })

test('a log without any capability is enough to publish, stream, resume and page', async () => {
  const hub = await createHub({
    log: without('snapshots', 'topics', 'retention', 'shared'),
    heartbeatMs: 0,
    batchMs: 0,
    retention: [{ selector: '**' }],
  })
  const live = await open(hub, { selectors: ['t'] })
  const ids = await publishAll(hub, [...texts('t', 'a', 'b'), { topic: 't', key: 'k', data: 'c' }])
  const resumed = await open(hub, { selectors: ['t'], from: ids[0] })
  await resumed.until(() => resumed.story().includes('tailrace.live'))
  expect(live.story()).toEqual(['tailrace.live', 'a', 'b', 'c'])
  expect(resumed.story()).toEqual(['b', 'c', 'tailrace.live'])
  const page = await hub.read({ selectors: ['*'] }, new AbortController().signal)
  expect('events' in page && page.events.map(({ data }) => data)).toEqual(['a', 'b', 'c'])
  await hub.close()
})

test('without snapshots, a stream that asks for one is rejected', async () => {
  const hub = await createHub({ log: without('snapshots') })
  const subscribe = (query: object): Promise<unknown> =>
    hub.subscribe(reading({ selectors: ['t'], ...query }), createScriptedSink)
  await expect(subscribe({ snapshot: true })).rejects.toMatchObject(unsupported('snapshots'))
  await expect(subscribe({ gap: 'snapshot' })).rejects.toMatchObject(unsupported('snapshots'))
  await hub.close()
})

test('without a list of topics, it cannot be asked for, and no topic can be ended', async () => {
  const log = without('topics')
  const hub = await createHub({ log })
  await expect(hub.topics({ prefix: '', after: '', limit: 1 })).rejects.toMatchObject(unsupported('topics'))
  const batch = [...texts('t', 'a'), { topic: 't', data: '', end: true }]
  await expect(hub.publish(batch)).rejects.toMatchObject(unsupported('topics'))
  expect(await log.describe()).toMatchObject({ newest: 0 })
  await hub.close()
})

test('without retention, topics cannot be purged, and a rule with a bound is an error at start', async () => {
  const log = without('retention')
  const hub = await createHub({ log, retention: [{ selector: 'audit/**' }] })
  await expect(hub.purge('t')).rejects.toMatchObject(unsupported('retention'))
  await hub.close()
  for (const bound of [{ maxAgeMs: 1 }, { maxCount: 0 }, { maxBytes: 1 }]) {
    const retention = [{ selector: 'audit/**' }, { selector: '**', ...bound }]
    await expect(createHub({ log, retention })).rejects.toMatchObject(unsupported('retention'))
  }
})
