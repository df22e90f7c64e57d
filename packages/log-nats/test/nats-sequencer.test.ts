import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Durability } from '@tailrace/log/adapter'
import { needs, startFlakyProxy, startNats, type NatsServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'

import { testSequencer, type OpenedSequence } from '../../log-sequencer/test/sequencer-suite.ts'
import { NatsSequencer } from '../src/nats-sequencer.ts'
import { parseNatsUrl } from '../src/nats-url.ts'

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
      const connection = await connect({ servers: server.url })
      await (await jetstreamManager(connection)).streams.delete(stream).catch(() => {})
      await connection.close()
    }
    return {
      connect: (signal) => NatsSequencer.connect(near!, durability, signal),
      connectFar: (signal) => NatsSequencer.connect(far!, durability, signal),
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
