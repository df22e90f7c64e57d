import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Runs vitest with the reporter on one test file, with no Chromium to be found. */
function run(
  source: string,
  env: Record<string, string> = {},
  args: string[] = [],
): { lines: string[]; code: number | null } {
  // Inside the repository, where `vitest` and the testkit resolve, in a folder that git and lint ignore.
  const folder = mkdtempSync(join(ROOT, 'node_modules/.report-skips-'))
  try {
    writeFileSync(
      join(folder, 'fixture.test.ts'),
      `import { expect, test, describe, beforeAll } from 'vitest'\n${source}`,
    )
    const config = `export default {
      resolve: { conditions: ['@tailrace/source'] },
      ssr: { resolve: { conditions: ['@tailrace/source'] } },
      test: {
        root: ${JSON.stringify(folder)}, include: ['*.test.ts'], exclude: [],
        execArgv: ['--conditions=@tailrace/source'],
        reporters: [${JSON.stringify(join(ROOT, 'scripts/report-skips.ts'))}, 'default'],
      },
    }`
    writeFileSync(join(folder, 'vitest.config.ts'), config)
    const { stdout, status } = spawnSync(
      process.execPath,
      [
        join(ROOT, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--config',
        join(folder, 'vitest.config.ts'),
        ...args,
      ],
      {
        cwd: folder,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], CHROMIUM_PATH: '/nonexistent', NO_COLOR: '1', ...env },
      },
    )
    return { lines: stdout.trimEnd().split('\n'), code: status }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const SKIPPING = `
  import { needs } from '@tailrace/testkit'
  const chromium = needs('chromium')
  test('passes', () => {})
  describe('in a browser', () => {
    test.skipIf(!chromium)('resumes', () => {})
  })
  test('asks at run time', (context) => context.skip('not today'))
  test.todo('is planned')
`

test('skipped tests are named with their reasons, and the last line counts', { timeout: 60_000 }, () => {
  const { lines, code } = run(SKIPPING)
  expect(lines.slice(-5)).toEqual([
    'skipped:',
    '  fixture.test.ts > in a browser > resumes (its file needs chromium)',
    '  fixture.test.ts > asks at run time (not today; its file needs chromium)',
    '  fixture.test.ts > is planned (todo; its file needs chromium)',
    '1 passed, 0 failed, 3 skipped',
  ])
  expect(code).toBe(0)
})

test('with CI=true a skipped test fails the run', { timeout: 60_000 }, () => {
  const { lines, code } = run(SKIPPING, { CI: 'true' })
  expect(lines.slice(-2)).toEqual([
    'failing the run: with CI=true nothing may be skipped; missing: chromium',
    '1 passed, 0 failed, 3 skipped',
  ])
  expect(code).toBe(1)
})

test('with CI=true an unmet need fails the run even where nothing was skipped', { timeout: 60_000 }, () => {
  const { lines, code } = run(
    `import { needs } from '@tailrace/testkit'
     if (needs('chromium')) test('never defined', () => {})
     test('passes', () => {})`,
    { CI: 'true' },
  )
  expect(lines.at(-2)).toContain('missing: chromium')
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 0 skipped')
  expect(code).toBe(1)
})

test('with CI=true and nothing skipped the run passes', { timeout: 60_000 }, () => {
  const { lines, code } = run(`test('passes', () => {})`, { CI: 'true' })
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 0 skipped')
  expect(lines).not.toContain('skipped:')
  expect(code).toBe(0)
})

test('what fails outside of tests is counted as failed', { timeout: 60_000 }, () => {
  const broken = run(`
    test('fails', () => expect(1).toBe(2))
    describe('suite', () => {
      beforeAll(() => { throw new Error('no set-up') })
      test('never starts', () => {})
    })`)
  expect(broken.lines.at(-1)).toBe('0 passed, 2 failed, 1 skipped')
  expect(broken.code).toBe(1)
  expect(run(`throw new Error('does not load')`).lines.at(-1)).toBe('0 passed, 1 failed, 0 skipped')
})

test('tests that -t filtered out are no skipped tests', { timeout: 60_000 }, () => {
  const { lines, code } = run(
    `describe('suite', () => test('one', () => {}))
     describe('suite', () => test('other', () => {}))`,
    { CI: 'true' },
    ['-t', 'suite > one'],
  )
  expect(lines.at(-1)).toBe('1 passed, 0 failed, 0 skipped')
  expect(code).toBe(0)
})
