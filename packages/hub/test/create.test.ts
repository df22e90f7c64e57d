import { join } from 'node:path'
import { createHub } from '@tailrace/hub'
import type { CreateHubOptions, Hub, HubOptions } from '@tailrace/hub'
import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'
import { afterEach, expect, test } from 'vitest'
import { texts } from './opening.ts'

let hub: Hub | undefined

afterEach(async () => {
  await hub?.close()
  hub = undefined
})

test('a log that was opened from its URL is closed with the hub', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'events.db')
  for (let i = 0; i < 2; i += 1) {
    hub = await createHub({ log: `sqlite:${path}` })
    await hub.publish('t', { data: `${i}` })
    await hub.close()
  }
  const log = await openSqliteLog({ path })
  expect((await log.describe()).newest).toBe(2)
  await log.close()
})

test('a log that was opened from its URL is closed if the hub cannot start', async () => {
  using dir = tempDir()
  const path = join(dir.path, 'events.db')
  const retention = [null] as unknown as HubOptions['retention']
  await expect(createHub({ log: `sqlite:${path}`, retention })).rejects.toThrow(TypeError)
  const log = await openSqliteLog({ path })
  await log.close()
})

test('a log that the application opened stays open when the hub is closed', async () => {
  const log = createMemoryLog()
  hub = await createHub({ log })
  await hub.close()
  expect((await log.append(texts('t', 'a')))[0]).toMatchObject({ offset: 1 })
})

test.each<[string, unknown, string]>([
  ['nothing', undefined, '`log` must be an EventLog, or the URL of one as a string'],
  ['a promise', Promise.resolve(createMemoryLog()), 'await the promise of it'],
  ['an URL object', new URL('redis://localhost'), 'as a string'],
  ['an empty URL', '', 'a log must be one of sqlite:FILE, memory:, redis://…'],
  ['a URL of nothing', 'mysql://root:secret@db/app', 'not "mysql://***@db/app"'],
  ['an SQLite in memory', 'sqlite::memory:', 'a log in memory is memory:'],
  ['a file without a name', 'sqlite:', 'a log must be one of'],
])('a log that is %s is refused with what to do', async (_, log, message) => {
  await expect(createHub({ log } as CreateHubOptions)).rejects.toThrow(message)
})

test.each<[string, unknown, string]>([
  ['text', 'hello', 'an event must be an object'],
  ['missing', undefined, 'an event must be an object'],
  ['null', null, 'not null'],
  ['the data itself', { total: 12 }, 'without "total"'],
  ['that of a batch', { topic: 'u', data: 'a' }, 'without "topic"'],
  ['bytes', { data: Buffer.from('a') }, 'not bytes'],
  ['a buffer', { data: new ArrayBuffer(1) }, 'not bytes'],
])('an event that is %s is refused with what to do', async (_, event, message) => {
  hub = await createHub({ log: 'memory:' })
  await expect(hub.publish('t', event as object)).rejects.toThrow(message)
  expect(await hub.topics({ prefix: '', after: '', limit: 1 })).toEqual([])
})
