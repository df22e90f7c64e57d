import { Durability } from '@tailrace/log/adapter'
import { needs, startFlakyProxy, startNats, type NatsServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'

import { testSequencer, type OpenedSequence } from '../../log-sequencer/test/sequencer-suite.ts'
import { NatsSequencer } from '../src/nats-sequencer.ts'
import { parseNatsUrl } from '../src/nats-url.ts'
import { administer } from './opening.ts'

const nats = needs('nats')

describe.skipIf(!nats)('NATS', { timeout: 60_000 }, () => {
  let server: NatsServer
  let sequences = 0
  beforeAll(async () => {
    server = await startNats()
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
        proxy.refuse(true)
        proxy.cutAll()
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
})
