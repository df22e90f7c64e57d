import { createRandom, startHub, tempDir, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { offsetOf, publishTo, readTopic } from '../support/audit.ts'

/** As many as a run of all tests has time for. */
const ROUNDS = process.env['TAILRACE_LONG'] === '1' ? 200 : 40
const PUBLISHERS = 6

test(
  `${ROUNDS} rounds of kill -9 under concurrent publishers lose nothing, repeat nothing and keep order`,
  { timeout: 400_000 },
  async () => {
    const seed = testSeed()
    console.log(`seed ${seed}`)
    const random = createRandom(seed)
    using dir = tempDir()
    const log = `sqlite:${dir.path}/log.db`
    const acknowledged = new Map<string, string>()
    let duplicates = 0
    let hub = await startHub({ log })
    const { port } = hub
    const done = new AbortController()
    let life = Promise.withResolvers<void>()

    /** Publishes one thing after the other; each until it is acknowledged, however often that takes. */
    async function publisher(name: string): Promise<number> {
      let n = 0
      while (!done.signal.aborted) {
        const data = `${name}:${n}`
        try {
          const { id, duplicate } = await publishTo(`http://127.0.0.1:${port}`, `audit/${name}`, data, {
            'Idempotency-Key': data,
          })
          if (duplicate) duplicates += 1
          acknowledged.set(data, id)
          n += 1
        } catch {
          // The hub died with the answer, or with the event: only the next life can tell.
          if (!done.signal.aborted) await life.promise
        }
      }
      return n
    }

    const publishers = Array.from({ length: PUBLISHERS }, (_, i) => publisher(`p${i}`))
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = acknowledged.size
      const wanted = random.int(1, 60)
      // Dies after so many more answers, and then a random few turns of the event loop, mid-commit or not.
      while (acknowledged.size < before + wanted) await new Promise(setImmediate)
      for (let turn = random.int(0, 20); turn > 0; turn -= 1) await new Promise(setImmediate)
      await hub.kill('SIGKILL')
      hub = await startHub({ log, port })
      life.resolve()
      life = Promise.withResolvers<void>()
    }
    const last = acknowledged.size + 100
    while (acknowledged.size < last) await new Promise(setImmediate)
    done.abort()
    const counts = await Promise.all(publishers)

    const offsets = new Set<number>()
    for (let i = 0; i < PUBLISHERS; i += 1) {
      const stored = await readTopic(hub.url, `audit/p${i}`)
      // Exactly once and in order: each publisher's events are its count, from 0, with nothing between.
      expect(stored.map(({ data }) => data)).toEqual(
        Array.from({ length: counts[i]! }, (_, n) => `p${i}:${n}`),
      )
      for (const { id, data } of stored) {
        expect(acknowledged.get(data)).toBe(id)
        offsets.add(offsetOf(id))
      }
    }
    expect(offsets.size).toBe(acknowledged.size)
    console.log(
      `${acknowledged.size} acknowledged, ${duplicates} of them by a retry of what was stored already`,
    )
    // With none, no kill ever hit between commit and answer, and idempotency was not tried at all.
    expect(duplicates).toBeGreaterThan(0)
    await hub.kill('SIGTERM')
  },
)
