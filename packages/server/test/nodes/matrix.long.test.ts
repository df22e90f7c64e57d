import { createRandom, needs, testSeed } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deploy } from './deployment.ts'
import type { Deployment } from './deployment.ts'
import { runDrill } from './drill.ts'
import type { Outcome } from './drill.ts'
import { DRILLS } from './drills.ts'
import { ENGINES } from './engines/all.ts'
import { writeResults } from './results.ts'

const isHere = needs('haproxy')

describe.each(ENGINES)('three hubs behind HAProxy over $name', (engine) => {
  const runs = isHere && needs(engine.name)
  const drills = DRILLS.map((drill) => ({
    ...drill,
    runs: runs && (drill.needs === undefined || needs(drill.needs)),
  }))
  const seed = testSeed()
  const random = createRandom(seed)
  const outcomes: Outcome[] = []
  let deployment: Deployment

  beforeAll(async () => {
    if (!runs) return
    console.log(`${engine.name}: seed ${seed}`)
    deployment = await deploy(engine)
  }, 120_000)
  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]()
    // Not after a part of them, or an engine that did not start.
    if (runs && outcomes.length === drills.length) writeResults(engine, seed, outcomes)
  })

  for (const drill of drills) {
    test.runIf(drill.runs)(
      `${drill.name}: every acknowledged event arrives once and in order`,
      { timeout: 300_000 },
      async () => {
        const outcome = await runDrill(deployment, drill, random)
        outcomes.push(outcome)
        const story = [...outcome.story, deployment.output()].join('\n')
        expect(outcome, story).toMatchObject({ faults: [], gaps: 0, isGood: true })
      },
    )
  }
})
