import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ROOT } from '../../scripts/test/checkout.ts'

test('a soak of eight seconds loses, doubles and reorders nothing', { timeout: 120_000 }, async () => {
  const args = ['--conditions=@tailrace/source', 'bench/soak.ts', '--seconds', '8', '--json']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT })
  const report = JSON.parse(stdout) as Record<string, number>
  console.log(stderr, stdout)
  expect(report).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, isGood: true })
  // Some faults were caused.
  expect(report['acknowledged']).toBeGreaterThan(100)
  expect(report['delivered']).toBeGreaterThan(report['acknowledged']!)
  expect(report['restarts']).toBeGreaterThan(0)
  expect(report['cuts']).toBeGreaterThan(0)
})
