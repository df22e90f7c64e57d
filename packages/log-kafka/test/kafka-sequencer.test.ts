import { needs } from '@tailrace/testkit'
import { afterAll, beforeAll, describe } from 'vitest'

import { testSequencer } from '../../log-sequencer/test/sequencer-suite.ts'
import { startCluster, type Cluster } from './cluster.ts'

const kafka = needs('kafka')

describe.skipIf(!kafka)('Kafka', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster()
  }, 60_000)
  afterAll(() => cluster[Symbol.asyncDispose]())

  testSequencer('Kafka', async () => {
    const { proxy, connect, remove, newTopic } = cluster
    const topic = newTopic()
    return {
      connect: (signal) => connect(topic)(signal),
      connectFar: (signal) => connect(topic, 'far')(signal),
      interrupt() {
        proxy.interrupt()
      },
      freeze: () => proxy.pauseAll(),
      restore() {
        proxy.refuse(false)
        proxy.resumeAll()
      },
      replace: () => remove(topic),
      close: () => remove(topic),
    }
  })
})
