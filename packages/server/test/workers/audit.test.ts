import { createRandom, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { auditWorkers } from './audit.ts'

test('workers and the owner of the log die under load, and nobody loses, repeats or mixes up anything', async () => {
  const seed = testSeed()
  const { output, faults, ...found } = await auditWorkers(createRandom(seed), [
    ['SIGSTOP', 'worker 2'],
    ['SIGKILL', 'log owner'],
    ['SIGKILL', 'worker 1'],
  ])
  console.log(`seed ${seed}`, found)
  expect(faults, output).toEqual([])
  expect(found).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, gaps: 0 })
  expect(found.replacements).toEqual({ 'log owner': 1, 'worker 1': 1, 'worker 2': 1 })
  expect(output).toContain('tailrace: worker 2: does not answer, and is killed\n')
}, 120_000)
