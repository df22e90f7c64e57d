import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/**
 * The files that take 19 s or more, the longest first. Without recorded durations, as in a fresh checkout, Vitest starts
 * with the largest files, and a short file that takes a minute may be the last to start, alone.
 */
const LONGEST = [
  'packages/server/test/e2e/crash.test.ts',
  'packages/server/test/hostile/cost/search.test.ts',
  'packages/log-kafka/test/kafka-log.test.ts',
  'packages/log-nats/test/nats-log.test.ts',
  'scripts/test/pack.test.ts',
  'packages/log-sequencer/test/sequenced-log.test.ts',
  'scripts/test/docs.test.ts',
  'packages/server/test/proxies/rolling-restart.test.ts',
  'packages/server/test/slow-readers.test.ts',
  'packages/server/test/hostile/cost/unfinished.test.ts',
  'packages/client/test/browser/tabs.test.ts',
  'packages/server/test/engines.test.ts',
  'packages/server/test/nodes/nodes.test.ts',
  'packages/log-postgres/test/postgres-log.test.ts',
  'packages/log/test/sqlite-log.test.ts',
  'packages/log-kafka/test/outage.test.ts',
  'packages/log-redis/test/failover.test.ts',
  'packages/client/test/fallback.test.ts',
  'packages/log-sequencer/test/crash.test.ts',
  'packages/log/test/sqlite-restore.test.ts',
  'packages/server/test/cli/cli.test.ts',
]

/** Starts the longest files first, so that no core is idle at the end. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const gone = LONGEST.filter((file) => !existsSync(resolve(this.ctx.config.root, file)))
    if (gone.length > 0)
      throw new Error(`scripts/longest-first.ts names files that are gone: ${gone.join(', ')}`)
    // oxlint-disable-next-line unicorn/no-array-sort -- it is no array
    const sorted = await super.sort(files)
    return sorted.toSorted((one, other) => rank(one) - rank(other))
  }
}

function rank({ moduleId }: TestSpecification): number {
  const index = LONGEST.findIndex((file) => moduleId.endsWith(`/${file}`))
  return index === -1 ? LONGEST.length : index
}
