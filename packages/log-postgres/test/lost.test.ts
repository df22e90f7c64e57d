import type { CompleteEventLog, EventLog } from '@tailrace/log'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs, startFlakyProxy } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

import { connect, useServer, type Application } from './server.ts'
import { follow, type Told } from './tail.ts'

const postgres = needs('postgres')

describe.skipIf(!postgres)('a tail in PostgreSQL that was cut off', () => {
  const engine = useServer()

  interface Cut {
    readonly other: CompleteEventLog
    readonly told: Told
    readonly app: Application
    mend(): void
  }

  /** Opens a log on two nodes, and cuts the tail of one off. */
  async function cutOff(): Promise<Cut> {
    const proxy = await startFlakyProxy({ host: '127.0.0.1', port: engine.server.port })
    const url = new URL(engine.nextUrl())
    const other = await openPostgresLog({ url: url.href })
    const app = await connect(url.href)
    url.port = `${proxy.port}`
    const log = await openPostgresLog({ url: url.href })
    onTestFinished(async () => {
      for (const one of [log, other]) await one.close()
      await app[Symbol.asyncDispose]()
      await proxy.close()
    })
    const told = await follow(log)
    proxy.interrupt()
    await expect.poll(() => told.interruptions.length).toBe(1)
    return { other, told, app, mend: () => proxy.refuse(false) }
  }

  async function publish(log: EventLog, topic: string): Promise<number> {
    const [appended] = await log.append([{ topic, data: '' }])
    return appended!.offset
  }

  async function remove(log: CompleteEventLog, ...topics: string[]): Promise<void> {
    const rules = topics.map((selector) => ({ selector, maxCount: 0 }))
    while (!(await log.retention.trim(rules, Date.now())).done);
  }

  /** What was committed so far was committed more than a minute ago. */
  async function age(app: Application): Promise<void> {
    await app.run(`UPDATE tailrace.marks SET at = at - interval '10 minutes'`)
  }

  async function endWith({ other, told, mend }: Cut): Promise<number[]> {
    mend()
    const newer = await publish(other, 'a')
    await expect.poll(() => told.events.at(-1)?.offset).toBe(newer)
    return told.events.slice(0, -1).map(({ offset }) => offset)
  }

  test('reports what was removed within the last minute, and no loss', async () => {
    const cut = await cutOff()
    const offsets = [await publish(cut.other, 'a'), await publish(cut.other, 'b')]
    await remove(cut.other, 'a')
    expect(await endWith(cut)).toEqual(offsets)
    expect(cut.told.losses).toEqual([])
  })

  test('reports the loss of what was removed when it was older', async () => {
    const cut = await cutOff()
    const { other, app, told } = cut
    await publish(other, 'b')
    const removed = await publish(other, 'a')
    const kept = await publish(other, 'b')
    await remove(other)
    await age(app)
    await remove(other, 'a')
    cut.mend()
    await expect.poll(() => told.losses).toEqual([removed])
    expect(await endWith(cut)).toEqual([kept])
    expect(told.losses).toEqual([removed])
  })

  test('reports the loss of what was forgotten since it was removed', async () => {
    const cut = await cutOff()
    const { other, app, told } = cut
    const removed = await publish(other, 'a')
    await remove(other, 'a')
    await age(app)
    await remove(other)
    cut.mend()
    await expect.poll(() => told.losses).toEqual([removed])
    expect(await endWith(cut)).toEqual([])
  })

  test('reports no loss of what it had reported before', async () => {
    const cut = await cutOff()
    const { other, app, told } = cut
    const removed = await publish(other, 'a')
    cut.mend()
    await expect.poll(() => told.events.at(-1)?.offset).toBe(removed)
    await remove(other)
    await age(app)
    await remove(other, 'a')
    expect(await endWith(cut)).toEqual([removed])
    expect(told.losses).toEqual([])
  })
})
