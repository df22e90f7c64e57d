import { openPostgresLog } from '@tailrace/log-postgres'
import { needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, schemaOf, useServer } from './server.ts'
import { follow, readEverything } from './tail.ts'

const postgres = needs('postgres')

describe.skipIf(!postgres)('a server that went back in time', () => {
  const engine = useServer()

  test('is recognized by a node that has seen more: another epoch, and no offset is given twice', async () => {
    const { server } = engine
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    const told = await follow(log)
    const kept = await log.append([{ topic: 'a', data: 'kept' }])
    const { epoch } = await log.describe()
    await server.stop()
    const backup = await server.backUp()
    await server.start()
    await expect.poll(() => log.ready().then(() => 'ready', String)).toBe('ready')
    const lost = await log.append([
      { topic: 'a', data: 'lost' },
      { topic: 'a', data: 'lost' },
    ])
    await expect.poll(() => told.events.length).toBe(3)

    await server.stop()
    await server.restore(backup)
    await server.start()
    // An application publishes more than was lost, before any node is back.
    await using app = await connect(url)
    for (const data of ['1', '2', '3', '4']) await app.run(`SELECT tailrace.publish('a', '${data}')`)
    await expect.poll(() => told.failures.map(({ code }) => code)).toEqual(['replaced'])
    expect(told.events).toHaveLength(3)
    await log.close()

    const again = await openPostgresLog({ url })
    expect((await again.describe()).epoch).not.toBe(epoch)
    const events = await readEverything(again)
    expect(events.map(({ data }) => data)).toEqual(['kept', '1', '2', '3', '4'])
    expect(events[0]!.offset).toBe(kept[0]!.offset)
    expect(events[1]!.offset).toBeGreaterThan(lost.at(-1)!.offset)
    await again.close()
  })

  test('has another epoch if a backup was recovered while no node was there', async () => {
    const { server } = engine
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    await log.append([{ topic: 'a', data: 'kept' }])
    const { epoch } = await log.describe()
    await log.close()
    await server.stop()
    server.recover()
    await server.start()
    await expect.poll(() => server.query('SELECT pg_is_in_recovery()')).toBe('f')
    const again = await openPostgresLog({ url })
    const described = await again.describe()
    expect(described.epoch).not.toBe(epoch)
    expect((await readEverything(again)).map(({ data }) => data)).toEqual(['kept'])
    await again.close()
    // Once, and not each time that the log is opened.
    const third = await openPostgresLog({ url })
    expect((await third.describe()).epoch).toBe(described.epoch)
    await third.close()
  })

  test('a copy of the database, or a dump that is restored elsewhere, is another log', async () => {
    const { server } = engine
    const url = new URL(await server.createDatabase())
    url.searchParams.set('schema', schemaOf(engine.nextUrl()))
    const log = await openPostgresLog({ url: url.href })
    await log.append([{ topic: 'a', data: 'copied' }])
    const { epoch } = await log.describe()
    await log.close()
    await server.query(`CREATE DATABASE copied TEMPLATE ${url.pathname.slice(1)}`)
    const elsewhere = new URL(url)
    elsewhere.pathname = '/copied'
    const copy = await openPostgresLog({ url: elsewhere.href })
    expect((await copy.describe()).epoch).not.toBe(epoch)
    expect((await readEverything(copy)).map(({ data }) => data)).toEqual(['copied'])
    await copy.close()
    const original = await openPostgresLog({ url: url.href })
    expect((await original.describe()).epoch).toBe(epoch)
    await original.close()
  })
})
