import { join } from 'node:path'

import { openKafkaLog } from '@tailrace/log-kafka'
import { createRandom, needs, SHORT_SESSION, tempDir, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'

import { startAudit } from './audit.ts'
import { startCluster } from './cluster.ts'

const kafka = needs('kafka')
const ROUNDS = process.env['TAILRACE_LONG'] === '1' ? 20 : 2

test.skipIf(!kafka)(
  `${ROUNDS} rounds of kill -9 of a broker under publishers on two nodes lose nothing, repeat nothing and keep order`,
  { timeout: 60_000 + ROUNDS * 20_000 },
  async () => {
    const seed = testSeed()
    const random = createRandom(seed)
    await using cluster = await startCluster(SHORT_SESSION)
    using dir = tempDir()
    const url = cluster.url(cluster.newTopic())
    const nodes = await Promise.all(
      ['a', 'b'].map((name) => openKafkaLog({ url: `${url}?index=${join(dir.path, name)}` })),
    )
    const audit = await startAudit(nodes)
    for (let round = 0; round < ROUNDS; round += 1) {
      await audit.more(random.int(50, 400))
      await cluster.kafka.stop('SIGKILL')
      await cluster.kafka.start()
    }
    await audit.more(200)
    const summary = await audit.finish()
    console.log(`seed ${seed}:`, summary)
    expect(summary.acknowledged).toBeGreaterThan(200)
    for (const node of nodes) await node.close()
  },
)
