import { join } from 'node:path'

import { openKafkaLog } from '@tailrace/log-kafka'
import { createRandom, needs, SHORT_SESSION, startKafkaCluster, tempDir, testSeed } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'

import { findTopic } from '../src/topic.ts'
import { startAudit } from './audit.ts'
import { ask } from './cluster.ts'

const kafka = needs('kafka')
const ROUNDS = 6

describe.runIf(kafka)('a cluster of three Kafka brokers', () => {
  test(
    `elects another leader in ${ROUNDS} rounds of kill -9 of the leader, and loses nothing`,
    { timeout: 60_000 + ROUNDS * 60_000 },
    async () => {
      const seed = testSeed()
      const random = createRandom(seed)
      const brokers = await startKafkaCluster(3, { properties: SHORT_SESSION })
      using dir = tempDir()
      const hosts = brokers.map(({ port }) => `127.0.0.1:${port}`).join(',')
      const warnings: string[] = []
      const nodes = []
      for (const name of ['a', 'b']) {
        const url = `kafka://${hosts}/log?replicas=3&index=${join(dir.path, name)}`
        nodes.push(
          await openKafkaLog({ url, requireDurable: true, warn: (sentence) => warnings.push(sentence) }),
        )
      }
      const audit = await startAudit(nodes)
      let alive = brokers[0]!
      for (let round = 0; round < ROUNDS; round += 1) {
        await audit.more(random.int(50, 400))
        let port = 0
        await ask(alive, async (broker) => {
          port = (await findTopic(broker, 'log'))!.leader.port
        })
        const leader = brokers.find((one) => one.port === port)!
        alive = brokers.find((one) => one.port !== port)!
        await leader.stop('SIGKILL')
        await audit.more(100)
        await leader.start()
      }
      await audit.more(200)
      const summary = await audit.finish()
      console.log(`seed ${seed}:`, summary)
      expect(summary.acknowledged).toBeGreaterThan(200)
      expect(warnings).toEqual([])
      for (const node of nodes) await node.close()
      for (const broker of brokers) await broker[Symbol.asyncDispose]()
    },
  )
})
