import { join } from 'node:path'

import type { EventLog } from '@tailrace/log'
import { openNatsLog } from '@tailrace/log-nats'
import { testEventLog } from '@tailrace/log-suite'
import { needs, startFlakyProxy, startNats, tempDir, type NatsServer } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'

import { administer } from './opening.ts'

const nats = needs('nats')

describe.skipIf(!nats)('NATS', { timeout: 30_000 }, () => {
  let server: NatsServer
  let streams = 0
  beforeAll(async () => {
    server = await startNats({ config: 'max_payload: 8MB' })
  })
  afterAll(() => server[Symbol.asyncDispose]())

  testEventLog(
    'NATS log',
    async ({ now }) => {
      const dir = tempDir()
      const proxy = await startFlakyProxy({ host: '127.0.0.1', port: server.port })
      const stream = `s${(streams += 1)}`
      const nodes: EventLog[] = []
      async function open(node: number, port = server.port): Promise<EventLog> {
        const index = join(dir.path, `${node}`)
        const log = await openNatsLog({ url: `nats://127.0.0.1:${port}/${stream}?index=${index}`, now })
        nodes.push(log)
        return log
      }
      const remove = (): Promise<boolean> =>
        administer(server, ({ streams: all }) => all.delete(stream).catch(() => false))
      const log = await open(0, proxy.port)
      return {
        log,
        join: () => open(nodes.length),
        async reopen() {
          await log.close()
          return open(0)
        },
        async interrupt() {
          proxy.interrupt()
        },
        async restore() {
          proxy.refuse(false)
        },
        async replace() {
          await remove()
        },
        async close() {
          for (const node of nodes) await node.close()
          await remove()
          await proxy.close()
          dir[Symbol.dispose]()
        },
      }
    },
    ['snapshots', 'topics', 'retention', 'shared', 'clock', 'reopen', 'join', 'interrupt', 'replace'],
  )
})
