import { createRandom, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { deploy } from './deployment.ts'
import { runDrill } from './drill.ts'
import { DRILLS } from './drills.ts'
import { nats } from './engines/nats.ts'
import { redis } from './engines/redis.ts'
import { postgres } from './engines/postgres.ts'

const engines = { nats, redis, postgres }
test('trial', { timeout: 300_000 }, async () => {
  const random = createRandom(testSeed())
  await using deployment = await deploy(engines[(process.env['E'] ?? 'redis') as 'redis'])
  const only = process.env['D']
  for (const drill of DRILLS) {
    if (only !== undefined && !new RegExp(only).test(drill.name)) continue
    const before = Date.now()
    const timer = setTimeout(() => console.log(deployment.output()), 100_000)
    const outcome = await runDrill(deployment, drill, random)
    clearTimeout(timer)
    console.log(JSON.stringify(outcome, null, 1))
    if (!outcome.isGood) console.log(deployment.output())
  }
})
