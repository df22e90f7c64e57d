import { Durability } from '@tailrace/log/adapter'
import { needs, startFlakyProxy, startNats, type NatsServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { testSequencer, type OpenedSequence } from '../../log-sequencer/test/sequencer-suite.ts'
import { NatsSequencer } from '../src/nats-sequencer.ts'
import { parseNatsUrl } from '../src/nats-url.ts'
import { administer } from './opening.ts'

const nats = needs('nats')
const NEVER = new AbortController().signal

describe.skipIf(!nats)('NATS', { timeout: 60_000 }, () => {
  let server: NatsServer
  let sequences = 0
  beforeAll(async () => {
    server = await startNats({ config: 'max_payload: 8MB' })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  async function open(): Promise<OpenedSequence> {
    const proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
    const stream = `s${(sequences += 1)}`
    const [near, far] = [server.port, proxy.port].map((port) =>
      parseNatsUrl(`nats://127.0.0.1:${port}/${stream}`),
    )
    const durability = new Durability({})
    async function remove(): Promise<void> {
      await administer(server, ({ streams }) => streams.delete(stream).catch(() => false))
    }
    return {
      connect: (signal) => NatsSequencer.connect({ address: near!, durability, mayCreate: true }, signal),
      connectFar: (signal) => NatsSequencer.connect({ address: far!, durability, mayCreate: true }, signal),
      interrupt() {
        proxy.interrupt()
      },
      freeze: () => proxy.pauseAll(),
      restore() {
        proxy.refuse(false)
        proxy.resumeAll()
      },
      replace: remove,
      async close() {
        await remove()
        await proxy.close()
      },
    }
  }

  testSequencer('NATS', open)

  test('is sent a bounded amount ahead of what it has processed', async () => {
    const sequence = await open()
    const [slow, fast] = [await sequence.connectFar(NEVER), await sequence.connect(NEVER)]
    const first = Promise.withResolvers<void>()
    const [blocked, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let received = 0
    await slow.consume(0, {
      async records(records) {
        received += records.length
        first.resolve()
        await blocked.promise
        if (received === 60) done.resolve()
      },
    })
    const megabyte = new Uint8Array(2 ** 20)
    for (let i = 0; i < 60; i += 1) await fast.append(megabyte)
    await first.promise
    // It is served in order, so everything that the server would send unasked has been sent before.
    await slow.describe()
    const { connections } = (await server.monitor('/connz')) as { connections: { out_bytes: number }[] }
    expect(Math.max(...connections.map(({ out_bytes: bytes }) => bytes))).toBeLessThan(40 * 2 ** 20)
    blocked.resolve()
    await done.promise
    await Promise.all([slow.close(), fast.close()])
    await sequence.close()
  })
})
