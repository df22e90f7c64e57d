import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expectRejection, rejection } from '@tailrace/log-suite'
import { mountSmallDisk, needs } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { connectTo } from './connect-to.ts'
import { publish, readAll, texts } from './readers.ts'
import { open, start } from './start.ts'

const redis = needs('redis')
const mount = needs('mount')

async function warningsOf(server: { url: string }): Promise<string[]> {
  const warnings: string[] = []
  await open(server, { warn: (sentence) => void warnings.push(sentence) })
  return warnings
}

describe.skipIf(!redis)('the settings of Redis', () => {
  test('that can lose nothing are not warned of', async () => {
    const server = await start({ appendfsync: 'always' })
    expect(await warningsOf(server)).toEqual([])
    await open(server, { requireDurable: true })
  })

  test.for([
    ['no append-only file', { appendfsync: false }, 'appendonly yes'],
    ['a file that is not waited for', { appendfsync: 'everysec' }, 'appendfsync everysec'],
  ] as const)('with %s are warned of, or refused', async ([, options, remedy]) => {
    const server = await start(options)
    const warnings = await warningsOf(server)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(remedy)
    const error = await expectRejection(open(server, { requireDurable: true }), 'not-durable')
    expect(error.message).toContain(remedy)
  })

  test('with a replica that may be missing are warned of', async () => {
    const server = await start()
    await start({ config: [`replicaof 127.0.0.1 ${server.port}`, 'repl-diskless-sync-delay 0'] })
    using admin = await connectTo(server)
    await expect.poll(() => admin.send('INFO', 'replication')).toContain('connected_slaves:1')
    expect((await warningsOf(server))[0]).toContain('min-replicas-to-write 0')
    await admin.send('CONFIG', 'SET', 'min-replicas-to-write', '1')
    expect(await warningsOf(server)).toEqual([])
  })

  test('that too few replicas satisfy refuse a publish, and store nothing', async () => {
    const server = await start()
    const log = await open(server)
    using admin = await connectTo(server)
    await admin.send('CONFIG', 'SET', 'min-replicas-to-write', '1')
    const error = await expectRejection(publish(log, 'refused'), 'unwritable')
    expect(error.message).toContain('min-replicas-to-write')
    await admin.send('CONFIG', 'SET', 'min-replicas-to-write', '0')
    await publish(log, 'accepted')
    expect(texts(await readAll(log))).toEqual(['accepted'])
  })

  test('that would drop the log are refused', async () => {
    const server = await start({ config: ['maxmemory 100mb', 'maxmemory-policy allkeys-lru'] })
    const error = await expectRejection(open(server), 'not-durable')
    expect(error.message).toContain('noeviction')
    using admin = await connectTo(server)
    expect(await admin.send('DBSIZE')).toBe(0)
    await admin.send('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
    await publish(await open(server), 'kept')
  })

  test('that bound its memory refuse a publish that has no room, until there is some again', async () => {
    const server = await start({
      appendfsync: 'no',
      config: ['maxmemory 8mb', 'maxmemory-policy noeviction'],
    })
    const log = await open(server)
    const data = 'x'.repeat(200_000)
    let stored = 0
    const filling = async (): Promise<never> => {
      for (;;) {
        await publish(log, data)
        stored += 1
      }
    }
    const error = await expectRejection(filling(), 'full')
    expect(error.message).toContain('--retain')
    expect(await readAll(log)).toHaveLength(stored)
    const rules = [{ selector: '**', maxCount: 1 }]
    await expect
      .poll(async () => {
        await log.retention.trim(rules, Date.now())
        return publish(log, 'small').then(
          () => 'stored',
          () => 'full',
        )
      })
      .toBe('stored')
  })

  test('that leave it no memory at all let a node start, purge, and apply retention', async () => {
    const server = await start({ appendfsync: 'no' })
    const log = await open(server)
    using admin = await connectTo(server)
    await Promise.all(Array.from({ length: 300 }, (_, i) => publish(log, `${i}`, `t/${i % 3}`)))
    await admin.send('CONFIG', 'SET', 'maxmemory', '1')
    await expectRejection(publish(log, 'refused'), 'full')
    expect((await rejection(log.ready())).code).toBe('full')

    await admin.send('CONFIG', 'REWRITE')
    await server.stop()
    await server.start()
    const other = await open(server)
    expect(await other.retention.purge('t/0')).toBe(true)
    const rules = [{ selector: '**', maxCount: 10 }]
    for (let isDone = false; !isDone;) isDone = (await other.retention.trim(rules, Date.now())).done
    expect(await readAll(other)).toHaveLength(20)
  })

  test.skipIf(!mount)(
    'leave it without room on its disk: publishes reject until there is some, and none is lost',
    async () => {
      using disk = mountSmallDisk(6 * 2 ** 20)
      const server = await start({ appendfsync: 'everysec', config: [`dir ${disk!.path}`] })
      const log = await open(server)
      const ballast = join(disk!.path, 'ballast')
      writeFileSync(ballast, Buffer.alloc(2 ** 20))
      let stored = 0
      const filling = async (): Promise<never> => {
        for (;;) {
          await publish(log, 'x'.repeat(50_000))
          stored += 1
        }
      }
      const error = await expectRejection(filling(), 'full')
      expect(error.message).toContain('disk')
      expect((await rejection(log.ready())).code).toBe('full')
      expect(await readAll(log)).toHaveLength(stored)
      rmSync(ballast)
      await expect
        .poll(() =>
          publish(log, 'room').then(
            () => true,
            () => false,
          ),
        )
        .toBe(true)
      expect(await readAll(log)).toHaveLength(stored + 1)
      await log.close()
      await server.kill()
    },
  )

  test('that do not wait for the disk during a rewrite are warned of', async () => {
    const server = await start({ config: ['no-appendfsync-on-rewrite yes'] })
    const warnings = await warningsOf(server)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('no-appendfsync-on-rewrite no')
  })

  test('that the user may not read are named', async () => {
    const server = await start({
      config: ['user app on >secret ~{tailrace}:* +@all -@admin -@dangerous +info'],
    })
    const warnings = await warningsOf(asApp(server))
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toContain('+config|get')
    expect(warnings[1]).toContain('+acl|dryrun')
  })

  // https://github.com/redis/redis/issues/14541
  test('with a default user without rights, for whom Redis would forget the log, are refused', async () => {
    const server = await start({ config: ['user app on >secret ~* &* +@all', 'user default off'] })
    const warnings = await warningsOf(asApp(server))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('ACL SETUSER default off allkeys allcommands')
    await expectRejection(open(asApp(server), { requireDurable: true }), 'not-durable')
  })

  test('with a default user who has all rights but cannot log in keep everything', async () => {
    const server = await start({
      config: ['user app on >secret ~* &* +@all', 'user default off allkeys allcommands'],
    })
    expect(await warningsOf(asApp(server))).toEqual([])
    const log = await open(asApp(server), { requireDurable: true })
    await publish(log, 'kept')
    const { epoch } = await log.describe()
    await log.close()
    await server.kill()
    await server.start()
    const again = await open(asApp(server))
    expect(texts(await readAll(again))).toEqual(['kept'])
    expect((await again.describe()).epoch).toBe(epoch)
  })
})

function asApp({ url }: { readonly url: string }): { readonly url: string } {
  return { url: url.replace('//', '//app:secret@') }
}
