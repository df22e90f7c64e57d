import { createRandom, needs, testSeed } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deploy } from './deployment.ts'
import type { Deployment } from './deployment.ts'
import { runDrill } from './drill.ts'
import type { Outcome } from './drill.ts'
import { DRILLS } from './drills.ts'
import { ENGINES } from './engines/all.ts'
import { writeResults } from './results.ts'

const isLong = process.env['TAILRACE_LONG'] === '1'
const haproxy = needs('haproxy')
const has = { network: needs('network'), mount: needs('mount'), faketime: needs('faketime') }

describe.runIf(isLong && haproxy).each(ENGINES.filter(({ name }) => needs(name)))(
  'three hubs behind HAProxy over $name',
  (engine) => {
    const seed = testSeed()
    const random = createRandom(seed)
    const outcomes: Outcome[] = []
    const drills = DRILLS.filter(({ needs: need }) => need === undefined || has[need])
    let deployment: Deployment

    beforeAll(async () => {
      console.log(`${engine.name}: seed ${seed}`)
      deployment = await deploy(engine)
    }, 120_000)
    afterAll(async () => {
      await deployment?.[Symbol.asyncDispose]()
      // Not after a part of them, or an engine that did not start.
      if (outcomes.length === drills.length) writeResults(engine, seed, outcomes)
    })

    test.each(drills)(
      '$name: every acknowledged event arrives once and in order',
      { timeout: 300_000 },
      async (drill) => {
        const outcome = await runDrill(deployment, drill, random)
        outcomes.push(outcome)
        if (!outcome.isGood) console.log(deployment.output())
        expect(outcome).toMatchObject({ faults: [], gaps: 0, isGood: true })
      },
    )
  },
)
