import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { createRandom, testSeed } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { auditWorkers, faultsFor } from './audit.ts'

const FAULTS = 60
const WORKERS = 3

const HEAD = `# Workers that die

The latest run of \`TAILRACE_LONG=1 npx vitest run packages/server/test/workers/audit.long.test.ts\`, which writes this file: a hub
on SQLite with ${WORKERS} workers, four publishers that each send the next event 5 ms after the previous one was acknowledged, and eight
readers of all of them, with a ticket each. ${FAULTS} times, at random moments, a random process of the hub (a worker, or the owner of the
log) is killed with SIGKILL, or stopped with SIGSTOP until the supervisor notices. Lost, repeated and out of order are counted over
all readers, against what was acknowledged, and against what the log contains in the end.

`

test(`${FAULTS} times, a random process of a hub dies or stands still, and nobody loses, repeats or mixes up anything`, async () => {
  const seed = testSeed()
  const random = createRandom(seed)
  const { output, faults, replacements, ...found } = await auditWorkers(
    random,
    faultsFor(random, FAULTS, WORKERS),
    WORKERS,
  )
  expect(faults, output).toEqual([])
  expect(found).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, gaps: 0 })
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  const rows = [
    ['seed', seed],
    ['acknowledged', found.acknowledged],
    ['of them by a retry', found.repeats],
    ['delivered', found.delivered],
    ['lost, repeated, out of order', `${found.lost}, ${found.duplicated}, ${found.outOfOrder}`],
    ['attempts to publish that failed and were repeated', found.refused],
    ['connections of readers that broke', found.interruptions],
    ['longest publish', seconds(found.longestPublishMs)],
    ['longest silence of a reader', seconds(found.longestSilenceMs)],
    ...Object.entries(replacements).map(([name, times]) => [`replacements of ${name}`, times]),
  ]
  const table = rows.map(([what, value]) => `| ${what} | ${value} |\n`).join('')
  const machine = `${cpus().length} cores of ${cpus()[0]!.model}, Node ${process.versions.node}.\n\n`
  writeFileSync(new URL('RESULTS.md', import.meta.url), `${HEAD}${machine}| | |\n| --- | --: |\n${table}`)
}, 900_000)
