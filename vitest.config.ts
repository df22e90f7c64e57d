import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { configDefaults, defineConfig } from 'vitest/config'
import { LongestFirst } from './scripts/longest-first.ts'

/** Tests that measure how long others wait, or how fast many come: they run after all others, with a core each. */
const QUIET = [
  'packages/server/test/hostile/cost/search.test.ts',
  'packages/server/test/proxies/rolling-restart.test.ts',
  'packages/server/test/vanished.test.ts',
]
/** Tests of delivery: they run a second time, with writes that reach the kernel in groups. */
const DELIVERY = ['front', 'interruption', 'subscribe', 'turned-away'].map(
  (name) => `packages/http/test/${name}.test.ts`,
)
/** Tests that take minutes, with one switch for all. */
const LONG = process.env['TAILRACE_LONG'] === '1' ? [] : ['**/*.long.test.ts']

export default defineConfig({
  resolve: { conditions: ['@tailrace/source'] },
  ssr: { resolve: { conditions: ['@tailrace/source'] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: [
            'packages/*/test/**/*.test.ts',
            'examples/*/test/**/*.test.ts',
            'scripts/test/**/*.test.ts',
            'bench/test/**/*.test.ts',
          ],
          exclude: [...configDefaults.exclude, ...LONG, ...QUIET],
        },
      },
      {
        extends: true,
        test: { name: 'in groups', include: DELIVERY, setupFiles: './packages/http/test/in-groups.ts' },
      },
      {
        extends: true,
        test: { name: 'quiet', include: QUIET, sequence: { groupOrder: 1 } },
      },
    ],
    globalSetup: './scripts/build-multisend.ts',
    execArgv: ['--conditions=@tailrace/source'],
    testTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    // What is awaited comes; on a busy machine not within the second that is the default.
    expect: { poll: { timeout: 20_000 } },
    // Most tests wait for other processes: with one core left free, as is the default, two of them would be idle.
    maxWorkers: availableParallelism(),
    // Hubs, command lines and log threads start by the hundred: let them parse the sources once.
    env: { NODE_COMPILE_CACHE: resolve(import.meta.dirname, 'node_modules/.cache/node') },
    reporters: ['default', './scripts/report-skips.ts'],
  },
})
