import { join } from 'node:path'
import { tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { killRound } from './kill-round.ts'

test('whenever a process with many streams is killed, each of them ends, with everything that was durable, once', async () => {
  using dir = tempDir()
  const rounds = { done: 0, lost: 0 }
  for (let round = 0; round < 20; round += 1) {
    const lines = 1 + Math.floor(Math.random() * 900)
    const { done, lost } = await killRound(join(dir.path, 'tailrace.db'), `round-${round}`, lines)
    rounds.done += done
    rounds.lost += lost
  }
  expect(rounds.lost).toBeGreaterThan(20)
  expect(rounds.done).toBeGreaterThan(20)
}, 300_000)
