import { join } from 'node:path'

import type { CompleteEventLog } from '@tailrace/log'
import { openKafkaLog } from '@tailrace/log-kafka'
import { testEventLog } from '@tailrace/log-suite'
import { needs, tempDir } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'

import { startCluster, type Cluster } from './cluster.ts'

const kafka = needs('kafka')

describe.skipIf(!kafka)('on a Kafka broker', { timeout: 60_000 }, () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
  }, 60_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  testEventLog(
    'Kafka log',
    async ({ now }) => {
      const { proxy, url, remove, newTopic } = cluster
      const topic = newTopic()
      const dir = tempDir()
      const open: CompleteEventLog[] = []
      async function openNode(name: string, far?: 'far'): Promise<CompleteEventLog> {
        const log = await openKafkaLog({ url: `${url(topic, far)}?index=${join(dir.path, name)}`, now })
        open.push(log)
        return log
      }
      let log = await openNode('first', 'far')
      return {
        log,
        async reopen() {
          await log.close()
          log = await openNode('first', 'far')
          return log
        },
        join: () => openNode(`node ${open.length}`),
        async interrupt() {
          proxy.interrupt()
        },
        async restore() {
          proxy.refuse(false)
        },
        replace: () => remove(topic),
        async close() {
          proxy.refuse(false)
          for (const node of open) await node.close()
          await remove(topic)
          dir[Symbol.dispose]()
        },
      }
    },
    ['snapshots', 'topics', 'retention', 'shared', 'clock', 'reopen', 'join', 'interrupt', 'replace'],
  )
})
