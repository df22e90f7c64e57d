import { createRandom, needs, testSeed } from '@tailrace/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deploy } from './deployment.ts'
import type { Deployment } from './deployment.ts'
import { runDrill } from './drill.ts'
import type { Drill, Outcome } from './drill.ts'
import { rollHubs, shortRound } from './drills.ts'
import { redis } from './engines/redis.ts'
import { loseEvents, refusePublisher, repeatEvent, skipEvents } from './planted.ts'

const isHere = [needs('redis'), needs('haproxy')].every(Boolean)

// The others, and all drills, are in matrix.test.ts.
describe.skipIf(!isHere)('three hubs behind HAProxy over Redis', () => {
  const seed = testSeed()
  const random = createRandom(seed)
  let deployment: Deployment

  beforeAll(async () => {
    console.log(`seed ${seed}`)
    deployment = await deploy(redis)
  }, 60_000)
  afterAll(() => deployment[Symbol.asyncDispose]())

  const storyOf = ({ story }: Outcome): string => [...story, deployment.output()].join('\n')

  test(
    'a hub is killed, another is cut off from the engine, the engine restarts: all events arrive once and in order',
    { timeout: 120_000 },
    async () => {
      const outcome = await runDrill(deployment, shortRound, random)
      expect(outcome, storyOf(outcome)).toMatchObject({ faults: [], gaps: 0, isGood: true })
      expect(outcome.acknowledged).toBeGreaterThan(200)
    },
  )

  test(
    'all hubs restart one after another: no publisher is refused, and all events arrive once and in order',
    {
      timeout: 120_000,
    },
    async () => {
      const outcome = await runDrill(deployment, rollHubs, random)
      expect(outcome, storyOf(outcome)).toMatchObject({ faults: [], refused: 0, isGood: true })
      // It was under load, and each reader had to move.
      expect(outcome.acknowledged).toBeGreaterThan(200)
      expect(outcome.interruptions).toBeGreaterThan(0)
    },
  )

  // Without these, nobody would know whether the tests above can fail.
  test.each<[Drill, string]>([
    [loseEvents, 'was acknowledged'],
    [repeatEvent, 'p1:3'],
    [skipEvents, 'p2:9000'],
    [refusePublisher, 'refused'],
  ])('a fault is noticed: $name', async (drill, name) => {
    const { isGood, faults } = await runDrill(deployment, drill, random)
    expect(isGood).toBe(false)
    expect(faults.join('\n')).toContain(name)
  })
})
