import { LogError, type EventLog } from '@tailrace/log'
import { rejection } from '@tailrace/log-suite'
import { openPostgresLog } from '@tailrace/log-postgres'
import { needs, startFlakyProxy } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, schemaOf, useServer } from './server.ts'
import { follow, readEverything, type Told } from './tail.ts'

const postgres = needs('postgres')

describe.skipIf(!postgres)('an interruption', () => {
  const engine = useServer({ password: 'right' })

  function reasonsOf({ interruptions }: Told): string[] {
    return interruptions.map((one) => (LogError.is(one) ? one.code : one))
  }

  async function untilResumed(told: Told, times = 1): Promise<void> {
    await expect.poll(() => told.interruptions.filter((one) => one === 'resumed').length).toBe(times)
  }

  async function publish(log: EventLog, data: string): Promise<void> {
    await log.append([{ topic: 'a', data }])
  }

  test('ends when the server has restarted or was killed, and the tail continues where it was', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    const { epoch } = await log.describe()
    const told = await follow(log)
    await publish(log, '0')
    for (const [i, signal] of (['SIGINT', 'SIGKILL'] as const).entries()) {
      await engine.server.stop(signal)
      await expect.poll(() => told.interruptions.length).toBe(2 * i + 1)
      expect(await rejection(log.ready())).toMatchObject({ code: 'unreachable' })
      await engine.server.start()
      // An application may be first. Its event is not lost to anybody, and nothing says that others were.
      await using app = await connect(url)
      await app.run(`SELECT tailrace.publish('a', 'app ${i}')`)
      await untilResumed(told, i + 1)
      await publish(log, `${i + 1}`)
    }
    expect(reasonsOf(told)).toEqual(['unreachable', 'resumed', 'unreachable', 'resumed'])
    const events = await readEverything(log)
    expect(events.map(({ data }) => data)).toEqual(['0', 'app 0', '1', 'app 1', '2'])
    await expect.poll(() => told.events).toEqual(events)
    expect(await log.describe()).toMatchObject({ epoch, newest: events.at(-1)!.offset })
    expect(told.failures).toEqual([])
    await log.close()
  })

  test('of any of its connections is one of the log, which replaces all of them', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    const told = await follow(log)
    await using app = await connect(url)
    const count = `SELECT count(*)::integer AS n FROM pg_stat_activity WHERE application_name = 'tailrace'`
    const [before] = await app.run(count)
    const [victim] = await app.run(
      `SELECT pid FROM pg_stat_activity WHERE application_name = 'tailrace' ORDER BY backend_start DESC LIMIT 1`,
    )
    await app.run('SELECT pg_terminate_backend($1)', [victim!['pid']])
    await untilResumed(told)
    await publish(log, 'after')
    await expect.poll(() => told.events.map(({ data }) => data)).toEqual(['after'])
    await expect.poll(() => app.run(count)).toEqual([before])
    await log.close()
    await expect.poll(() => app.run(count)).toEqual([{ n: 0 }])
  })

  test('is noticed though no packet arrives, within seconds', async () => {
    await using proxy = await startFlakyProxy({ host: '127.0.0.1', port: engine.server.port })
    const log = await openPostgresLog({ url: engine.nextUrl(proxy.port) })
    const told = await follow(log)
    proxy.pauseAll()
    const outcome = rejection(log.append([{ topic: 'a', data: 'lost on the way' }]))
    await expect.poll(() => reasonsOf(told)).toEqual(['unreachable'])
    expect(await outcome).toMatchObject({ code: 'outcome-unknown' })
    proxy.cutAll()
    proxy.resumeAll()
    await untilResumed(told)
    await publish(log, 'after')
    expect((await readEverything(log)).at(-1)).toMatchObject({ data: 'after' })
    await log.close()
  })

  test('goes on while the password is wrong, or the server cannot be written, with this as its reason', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    const told = await follow(log)
    const { server } = engine
    await server.query(`ALTER ROLE postgres PASSWORD 'changed'`)
    const cut = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tailrace'`
    const changed = new URL(url)
    changed.password = 'changed'
    await using app = await connect(changed.href)
    await app.run(cut)
    await expect.poll(async () => (await rejection(log.ready())).code).toBe('unauthorized')
    await app.run(`ALTER ROLE postgres PASSWORD 'right'`)
    await untilResumed(told)
    await app.run(`ALTER ROLE postgres SET default_transaction_read_only = on`)
    await app.run(cut)
    await expect.poll(async () => (await rejection(log.ready())).code).toBe('read-only')
    await app.run(`ALTER ROLE postgres RESET default_transaction_read_only`)
    await untilResumed(told, 2)
    await publish(log, 'after')
    await log.close()
  })

  test('does not begin because another holds the lock of the log for too long: publishers are told to retry', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    const told = await follow(log)
    await using app = await connect(url)
    await app.run(`BEGIN; SELECT tailrace.publish('a', 'holds'); SET CONSTRAINTS ALL IMMEDIATE`)
    expect(await rejection(log.append([{ topic: 'a', data: 'waits' }]))).toMatchObject({ code: 'busy' })
    await app.run('COMMIT')
    await publish(log, 'after')
    expect((await readEverything(log)).map(({ data }) => data)).toEqual(['holds', 'after'])
    expect(told.interruptions).toEqual([])
    await log.close()
  })

  test('ends the log if its schema is gone afterwards, and nothing is created in its place', async () => {
    const url = engine.nextUrl()
    const log = await openPostgresLog({ url })
    const told = await follow(log)
    await using app = await connect(url)
    await app.run(`DROP SCHEMA ${schemaOf(url)} CASCADE`)
    await app.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tailrace'`,
    )
    await expect.poll(() => told.failures.map(({ code }) => code)).toEqual(['replaced'])
    expect(await app.run('SELECT to_regnamespace($1) AS schema', [schemaOf(url)])).toEqual([{ schema: null }])
    await log.close()
  })
})
