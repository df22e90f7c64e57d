import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo } from 'node:net'

import { LogError } from '@tailrace/log'
import { rejection } from '@tailrace/log-suite'
import { openPostgresLog, type PostgresLogOptions } from '@tailrace/log-postgres'
import { freePort, needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connect, schemaOf, useServer } from './server.ts'

const postgres = needs('postgres')
const PASSWORD = 'pa/ss w&rd'

describe.skipIf(!postgres)('opening a log in PostgreSQL', () => {
  const engine = useServer({
    password: PASSWORD,
    settings: { max_connections: '20', superuser_reserved_connections: '3' },
  })

  /** The error, whose text must never contain the password. */
  async function refusalOf(options: PostgresLogOptions): Promise<LogError> {
    const error = await rejection(openPostgresLog(options))
    expect(LogError.is(error)).toBe(true)
    const { message, details } = error
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 'wrong-pass']) {
      expect(JSON.stringify([message, details])).not.toContain(secret)
    }
    return error
  }

  test.each([
    ['nonsense', /not a URL/],
    ['redis://host', /postgres:\/\//],
    ['postgres://host/db?color=blue', /schema and sslmode, but not color/],
    ['postgres://host/db?schema=Upper', /lower-case/],
    ['postgres://host/db?schema=pg_x', /not pg_/],
    ['postgres://host/db?schema=a%22;drop', /lower-case/],
    [`postgres://host/db?schema=${'x'.repeat(51)}`, /at most 50/],
    ['postgres://host/db?sslmode=prefer', /disable, require, verify-full/],
    ['postgres://hub:50%off@host/db', /write %25/],
    ['postgres://%zz@host/db', /write %25/],
    ['postgres://host/%zz', /write %25/],
  ])('refuses the URL %s', async (url, message) => {
    const opening = openPostgresLog({ url })
    await expect(opening).rejects.toBeInstanceOf(RangeError)
    await expect(opening).rejects.toThrow(message)
  })

  test('takes the password from the option before that in the URL', async () => {
    const url = new URL(engine.nextUrl())
    url.password = 'wrong-pass'
    expect(await refusalOf({ url: url.href })).toMatchObject({ code: 'unauthorized' })
    const log = await openPostgresLog({ url: url.href, password: PASSWORD })
    await log.ready()
    await log.close()
  })

  test('opens though there is no server, says why nothing works, and works when there is one', async () => {
    const url = engine.nextUrl(await freePort())
    const log = await openPostgresLog({ url })
    for (const call of [log.append([{ topic: 'a', data: '' }]), log.describe(), log.ready()]) {
      const error = await rejection(call)
      expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') })
      expect((error as Error).message).not.toContain('postgres:pa')
    }
    await log.close()
  })

  test('leaves alone what is not its own', async () => {
    const url = engine.nextUrl()
    await using app = await connect(url)
    const schema = schemaOf(url)
    await app.run(`CREATE SCHEMA ${schema}; CREATE TABLE tailrace.customers (id int)`)
    expect(await refusalOf({ url })).toMatchObject({
      code: 'foreign',
      message: expect.stringContaining(schema),
    })
    await app.run('CREATE TABLE tailrace.log (line text)')
    expect(await refusalOf({ url })).toMatchObject({ code: 'foreign' })
    const tables = await app.run(
      'SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace ORDER BY 1',
      [schema],
    )
    expect(tables.map(({ relname }) => relname)).toEqual(['customers', 'log'])
  })

  test('leaves alone the functions of others, and who may call them', async () => {
    const url = engine.nextUrl()
    await using app = await connect(url)
    await app.run(`CREATE SCHEMA ${schemaOf(url)}; CREATE FUNCTION tailrace.one() RETURNS integer RETURN 1`)
    expect(await refusalOf({ url })).toMatchObject({ code: 'foreign' })
    expect(await app.run(`SELECT proacl FROM pg_proc WHERE proname = 'one'`)).toEqual([{ proacl: null }])
  })

  test('refuses a schema in which every role can create functions, which could act with the rights of the log', async () => {
    const url = engine.nextUrl()
    await using app = await connect(url)
    const schema = schemaOf(url)
    await app.run(`CREATE SCHEMA ${schema}; GRANT USAGE, CREATE ON SCHEMA ${schema} TO PUBLIC`)
    const message = expect.stringContaining(`REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC`)
    expect(await refusalOf({ url })).toMatchObject({ code: 'incompatible', message })
    await app.run(`REVOKE CREATE ON SCHEMA ${schema} FROM PUBLIC`)
    await (await openPostgresLog({ url })).close()
  })

  test('leaves alone the log of a newer version', async () => {
    const url = engine.nextUrl()
    await (await openPostgresLog({ url })).close()
    await using app = await connect(url)
    await app.run('UPDATE tailrace.log SET version = 99')
    const error = await refusalOf({ url })
    expect(error).toMatchObject({ code: 'incompatible', details: { version: 99 } })
    expect(error.message).toContain('upgrade @tailrace/log-postgres')
  })

  test('says which rights are missing', async () => {
    const url = new URL(engine.nextUrl())
    const schema = schemaOf(url.href)
    await using app = await connect(url.href)
    await app.run(`CREATE ROLE hub LOGIN PASSWORD 'hub'`)
    url.username = 'hub'
    url.password = 'hub'
    const options = { url: url.href }
    expect(await refusalOf(options)).toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining('GRANT CREATE ON DATABASE postgres TO hub'),
    })
    await app.run(`CREATE SCHEMA ${schema}`)
    expect(await refusalOf(options)).toMatchObject({
      code: 'unauthorized',
      message: expect.stringContaining(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO hub`),
    })
    await app.run(`GRANT USAGE, CREATE ON SCHEMA ${schema} TO hub`)
    const log = await openPostgresLog(options)
    await log.append([{ topic: 'a', data: '' }])
    await log.close()
    await app.run(`CREATE ROLE stranger LOGIN PASSWORD 'hub'`)
    url.username = 'stranger'
    expect(await refusalOf({ url: url.href })).toMatchObject({ code: 'unauthorized' })
  })

  test('refuses a database that cannot hold every text, and one that does not exist', async () => {
    const url = new URL(engine.nextUrl())
    await engine.server.query(`CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
    url.pathname = '/latin'
    expect(await refusalOf({ url: url.href })).toMatchObject({
      code: 'incompatible',
      message: expect.stringContaining('UTF8'),
    })
    url.pathname = '/nowhere'
    expect(await refusalOf({ url: url.href })).toMatchObject({ code: 'cannot-open' })
  })

  test('opens though the server has no connection left, and works when it has', async () => {
    const url = new URL(engine.nextUrl())
    await engine.server.query(`CREATE ROLE crowd LOGIN SUPERUSER PASSWORD 'crowd'`)
    const apps = []
    for (let i = 0; i < 17; i += 1) apps.push(await connect(url.href))
    // Three are reserved for superusers.
    await engine.server.query(`ALTER ROLE crowd NOSUPERUSER`)
    await engine.server.query(`CREATE SCHEMA ${schemaOf(url.href)} AUTHORIZATION crowd`)
    url.username = 'crowd'
    url.password = 'crowd'
    const log = await openPostgresLog({ url: url.href })
    expect(await rejection(log.ready())).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('53300'),
    })
    for (const app of apps) await app[Symbol.asyncDispose]()
    await expect.poll(() => log.ready().then(() => 'ready', String)).toBe('ready')
    await log.close()
  })

  test('refuses a pooler, which would keep notifications to itself', async () => {
    // It answers with a process id of its own, as poolers do.
    const pooler = createServer((client) => {
      const server = createConnection(engine.server.port, '127.0.0.1')
      client.pipe(server)
      server.on('data', (chunk: Buffer) => {
        const key = chunk.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]))
        if (key !== -1) chunk.writeUInt32BE(1, key + 5)
        client.write(chunk)
      })
      for (const socket of [client, server]) socket.on('error', () => {})
      server.on('close', () => client.destroy())
    })
    pooler.listen(0, '127.0.0.1')
    await once(pooler, 'listening')
    const url = engine.nextUrl((pooler.address() as AddressInfo).port)
    expect(await refusalOf({ url })).toMatchObject({
      code: 'incompatible',
      message: expect.stringContaining('pooler'),
    })
    pooler.close()
  })

  test('creates one log when several nodes open it at once', async () => {
    const url = engine.nextUrl()
    const logs = await Promise.all([openPostgresLog({ url }), openPostgresLog({ url })])
    const [one, other] = await Promise.all(logs.map((log) => log.describe()))
    expect(one).toEqual(other)
    await Promise.all(logs.map((log) => log.close()))
  })

  test('rejects a batch that no message to the server can hold', async () => {
    const log = await openPostgresLog({ url: engine.nextUrl() })
    const batch = Array.from({ length: 257 }, () => ({ topic: 'a', data: 'x'.repeat(2 ** 20) }))
    expect(await rejection(log.append(batch))).toMatchObject({
      code: 'too-large',
      details: { limit: 2 ** 28 },
    })
    await log.close()
  })

  test('stores what it can of a group in which one batch is impossible', async () => {
    const log = await openPostgresLog({ url: engine.nextUrl() })
    const settled = await Promise.allSettled(
      ['1', 'x'.repeat(9_000_000), '2'].map((key, i) =>
        log.append([{ topic: 'a', data: `${i}`, key: randomized(key) }]),
      ),
    )
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((settled[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'too-large' })
    await log.close()
  })
})

/** Text that does not compress. */
function randomized(text: string): string {
  return text.length < 10 ? text : Array.from({ length: 4_000 }, () => Math.random().toString(36)).join('')
}
