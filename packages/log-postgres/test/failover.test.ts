import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'

import { openPostgresLog } from '@tailrace/log-postgres'
import { needs, startPostgres, type Postgres } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { follow, readEverything } from './tail.ts'

const postgres = needs('postgres')

/** An address that leads to one server or another, as those of clusters do. */
async function startAddress(): Promise<
  AsyncDisposable & { readonly port: number; leadTo(server: Postgres): void }
> {
  let target = 0
  const sockets = new Set<Socket>()
  const address = createServer((client) => {
    const upstream = createConnection(target, '127.0.0.1')
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
  })
  address.listen(0, '127.0.0.1')
  await once(address, 'listening')
  return {
    port: (address.address() as AddressInfo).port,
    leadTo({ port }) {
      target = port
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      address.close()
    },
  }
}

async function promote(server: Postgres): Promise<void> {
  await server.query('SELECT pg_promote()')
}

describe.skipIf(!postgres)('a failover', () => {
  test('goes unnoticed if the standby has everything, and changes the epoch if it was behind', async () => {
    await using primary = await startPostgres({ fsync: false })
    await using complete = await startPostgres({ fsync: false, standbyOf: primary })
    await using behind = await startPostgres({ fsync: false, standbyOf: primary })
    await using address = await startAddress()
    address.leadTo(primary)
    const url = `postgres://postgres@127.0.0.1:${address.port}/postgres`
    const warnings: string[] = []
    const log = await openPostgresLog({ url, warn: (sentence) => warnings.push(sentence) })
    expect(warnings).toContainEqual(expect.stringContaining('none of them is synchronous'))
    const told = await follow(log)
    const { epoch } = await log.describe()
    const stored = (server: Postgres): Promise<string> => server.query('SELECT count(*) FROM tailrace.events')

    await log.append([{ topic: 'a', data: '1' }])
    await expect.poll(() => stored(behind)).toBe('1')
    await behind.stop()
    await log.append([{ topic: 'a', data: '2' }])
    await expect.poll(() => stored(complete)).toBe('2')

    await primary.stop('SIGKILL')
    await promote(complete)
    address.leadTo(complete)
    await expect.poll(() => told.interruptions.at(-1)).toBe('resumed')
    await log.append([{ topic: 'a', data: '3' }])
    expect((await log.describe()).epoch).toBe(epoch)
    await expect.poll(() => told.events.map(({ data }) => data)).toEqual(['1', '2', '3'])

    await complete.stop('SIGKILL')
    await behind.start()
    await promote(behind)
    address.leadTo(behind)
    await expect.poll(() => told.failures.map(({ code }) => code)).toEqual(['replaced'])
    await log.close()
    const again = await openPostgresLog({ url })
    expect((await again.describe()).epoch).not.toBe(epoch)
    const [appended] = await again.append([{ topic: 'a', data: '4' }])
    expect(appended!.offset).toBeGreaterThan(told.events.at(-1)!.offset)
    expect((await readEverything(again)).map(({ data }) => data)).toEqual(['1', '4'])
    await again.close()
  })

  test('leads to a standby that is not promoted yet: the interruption goes on until it is', async () => {
    await using primary = await startPostgres({ fsync: false })
    await using standby = await startPostgres({ fsync: false, standbyOf: primary })
    await using address = await startAddress()
    address.leadTo(primary)
    const log = await openPostgresLog({ url: `postgres://postgres@127.0.0.1:${address.port}/postgres` })
    const told = await follow(log)
    await log.append([{ topic: 'a', data: '1' }])
    await expect.poll(() => standby.query('SELECT count(*) FROM tailrace.events').catch(String)).toBe('1')
    address.leadTo(standby)
    await expect.poll(() => log.ready().catch(({ code }: { code: string }) => code)).toBe('read-only')
    await primary.stop()
    await promote(standby)
    await expect.poll(() => told.interruptions.at(-1)).toBe('resumed')
    await log.append([{ topic: 'a', data: '2' }])
    await expect.poll(() => told.events.map(({ data }) => data)).toEqual(['1', '2'])
    await log.close()
  })
})
