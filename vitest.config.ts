import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['@tailrace/source'] },
  ssr: { resolve: { conditions: ['@tailrace/source'] } },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
    execArgv: ['--conditions=@tailrace/source'],
    testTimeout: 30_000,
    reporters: ['default', './scripts/report-skips.ts'],
  },
})
