import { readFileSync } from 'node:fs'

import { expectRejection, rejection } from '@tailrace/log-suite'
import { needs, freePort, startRedis } from '@tailrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

import { openRedisLog } from '../src/index.ts'
import { connectTo } from './connect-to.ts'
import { follow, publish, readAll, texts } from './readers.ts'
import { open, start } from './start.ts'

const redis = needs('redis')

/** What the README tells operators to permit. */
const [, PERMITTED] = /^ACL SETUSER hub on >secret (.*)$/m.exec(
  readFileSync(new URL('../README.md', import.meta.url), 'utf8'),
)!

describe('the URL of a Redis log', () => {
  test.for<[url: string, reason: string]>([
    ['http://127.0.0.1', 'redis://'],
    ['redis://', 'one host'],
    ['redis://a,b', 'one host'],
    ['redis://a:70000', 'one host'],
    ['redis://a/x', 'database'],
    ['redis://a/0/1', 'database'],
    ['redis://a?prefx=b', 'accepts prefix'],
    ['redis://a?prefix={b}', 'prefix that is not valid'],
    ['redis://a?prefix=', 'prefix that is not valid'],
    ['redis+sentinel://a,b', 'master'],
    ['redis+cluster://a/1', 'only database 0'],
    ['redis://us%:pw@a', 'percent-encoded'],
    ['redis://user:12?pw@a', '%3F'],
    ['redis://a?password=x@pw', '%40'],
  ])('%s is refused', async ([url, reason]) => {
    const error: unknown = await openRedisLog({ url }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RangeError)
    expect((error as RangeError).message).toContain(reason)
    expect((error as RangeError).message).not.toContain('pw')
  })
})

describe.skipIf(!redis)('a Redis log is not opened', () => {
  test.for([
    ['a wrong password', ':wrong@', 'WRONGPASS'],
    ['no password', '', 'NOAUTH'],
    ['an unknown user', 'nobody:wrong@', 'WRONGPASS'],
  ])('with %s', async ([, credentials, word]) => {
    const { port } = await start({ password: 'right' })
    const error = await expectRejection(
      openRedisLog({ url: `redis://${credentials}127.0.0.1:${port}` }),
      'unauthorized',
    )
    expect(error.message).toContain(word)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('wrong@')
  })

  test('unless the password beside the URL is right', async () => {
    const { port } = await start({ password: 'ri/ght' })
    const log = await open({ url: `redis://:wrong@127.0.0.1:${port}` }, { password: 'ri/ght' })
    await expect(log.ready()).resolves.toBeUndefined()
  })

  test('for a user who may not do what it needs, before it has written anything', async () => {
    const server = await start({ config: [`user app on >secret ${PERMITTED}`] })
    const url = server.url.replace('//', '//app:secret@')
    using admin = await connectTo(server)
    for (const command of ['evalsha', 'xadd', 'zadd', 'hset', 'xread', 'info']) {
      await admin.send('ACL', 'SETUSER', 'app', `-${command}`)
      const error = await expectRejection(openRedisLog({ url }), 'unauthorized')
      expect(error.message).toContain('ACL SETUSER')
      expect(await admin.send('DBSIZE')).toBe(0)
      await admin.send('ACL', 'SETUSER', 'app', `+${command}`)
    }
    await admin.send('ACL', 'SETUSER', 'app', 'resetkeys', '~other:*')
    await expectRejection(openRedisLog({ url }), 'unauthorized')
    await admin.send('ACL', 'SETUSER', 'app', '~{tailrace}:*')
    const log = await open({ url })
    await publish(log, 'x')
    await log.retention.purge('a')
    await log.shared.note({ key: 'a', until: Date.now() + 9_999 })
    await log.retention.trim([{ selector: '**', maxCount: 0 }], Date.now())
    expect(await readAll(log)).toEqual([])
  })

  test('on keys that are not its own, which stay as they are', async () => {
    const server = await start()
    using admin = await connectTo(server)
    const foreign: readonly string[][] = [
      ['SET', '{tailrace}:meta', 'x'],
      ['HSET', '{tailrace}:meta', 'epoch', 'x'],
      ['XADD', '{tailrace}:log', '*', 'a', 'b'],
      ['SET', '{tailrace}:topics', 'x'],
    ]
    for (const command of foreign) {
      await admin.send(...command)
      const before = await admin.send('DUMP', command[1]!)
      const error = await expectRejection(openRedisLog({ url: server.url }), 'foreign')
      expect(error.details).toEqual({ key: command[1] })
      expect(await admin.send('DUMP', command[1]!)).toEqual(before)
      expect(await admin.send('DBSIZE')).toBe(1)
      await admin.send('FLUSHALL')
    }
  })

  test('if a newer version has written it', async () => {
    const server = await start()
    await open(server)
    using admin = await connectTo(server)
    await admin.send('HSET', '{tailrace}:meta', 'format', '99')
    const error = await expectRejection(openRedisLog({ url: server.url }), 'incompatible')
    expect(error.message).toContain('99')
  })
})

describe.skipIf(!redis)('a Redis log', () => {
  test('opens before its server is there, and is ready once it is', async () => {
    const port = await freePort()
    const log = await open({ url: `redis://127.0.0.1:${port}` })
    expect(await rejection(log.ready())).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    expect(await rejection(publish(log, 'early'))).toMatchObject({ code: 'unreachable' })
    const server = await startRedis({ port })
    onTestFinished(() => server[Symbol.asyncDispose]())
    await expect
      .poll(() =>
        log.ready().then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    await publish(log, 'x')
    expect(texts(await readAll(log))).toEqual(['x'])
  })

  test('does not publish to a topic whose keys belong to somebody else', async () => {
    const server = await start()
    const log = await open(server)
    using admin = await connectTo(server)
    await admin.send('SET', '{tailrace}:events:a', 'mine')
    const [refused] = await Promise.allSettled([publish(log, 'x'), publish(log, 'y', 'b')])
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'foreign' } })
    expect(await admin.send('GET', '{tailrace}:events:a')).toBe('mine')
    expect(texts(await readAll(log))).toEqual(['y'])
  })

  test('reports an entry that it has not written, and continues once it is removed', async () => {
    const server = await start()
    const log = await open(server)
    await publish(log, 'before')
    const tail = await follow(log)
    using admin = await connectTo(server)
    await admin.send('XADD', '{tailrace}:log', '5000000000000-0', 'some', 'thing')
    const reason = await tail.interrupted
    expect(reason).toMatchObject({ code: 'corrupt', details: { entry: '5000000000000-0' } })
    await expectRejection(publish(log, 'refused'), 'corrupt')
    await expectRejection(openRedisLog({ url: server.url }), 'corrupt')
    await admin.send('XDEL', '{tailrace}:log', '5000000000000-0')
    await admin.send('XSETID', '{tailrace}:log', '1-0')
    await tail.resumed
    await publish(log, 'after')
    await tail.until((events) => events.length === 1)
    expect(texts(tail.events)).toEqual(['after'])
    expect(texts(await readAll(log))).toEqual(['before', 'after'])
  })

  test('refuses a batch that is larger than it accepts, and names the limit', async () => {
    const server = await start({ config: ['proto-max-bulk-len 2mb'] })
    const log = await open(server)
    const text = await expectRejection(publish(log, 'x'.repeat(2 ** 21 + 1)), 'too-large')
    expect(text.details).toMatchObject({ limit: 2 ** 21 })
    const batch = Array.from({ length: 33 }, () => ({ topic: 'a', data: 'x'.repeat(2 ** 20) }))
    const error = await expectRejection(log.append(batch), 'too-large')
    expect(error.details).toMatchObject({ limit: 32 * 2 ** 20 })
    await publish(log, 'x'.repeat(2 ** 20))
    expect(await readAll(log)).toHaveLength(1)
  })

  test('is lost if Redis has become a replica, and found again if it is none', async () => {
    const server = await start()
    const log = await open(server)
    const tail = await follow(log)
    using admin = await connectTo(server)
    await admin.send('REPLICAOF', '127.0.0.1', '1')
    expect(await tail.interrupted).toMatchObject({ code: 'unreachable' })
    await expectRejection(publish(log, 'refused'), 'unreachable')
    await admin.send('REPLICAOF', 'NO', 'ONE')
    await tail.resumed
    await publish(log, 'accepted')
    expect(texts(await readAll(log))).toEqual(['accepted'])
  })

  test('survives that Redis forgets its scripts', async () => {
    const server = await start()
    const log = await open(server)
    using admin = await connectTo(server)
    for (const data of ['1', '2']) {
      await admin.send('SCRIPT', 'FLUSH')
      await publish(log, data)
    }
    expect(texts(await readAll(log))).toEqual(['1', '2'])
  })
})
