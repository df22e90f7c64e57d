import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { copyCheckout, environmentWithNode } from './checkout.ts'

test('npm install prints no warning on Node 20', { timeout: 120_000 }, async () => {
  using dir = tempDir()
  copyCheckout(dir.path)
  const env = await environmentWithNode('20')
  const args = ['install', '--dry-run', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline']
  const { stderr } = await promisify(execFile)('npm', args, { cwd: dir.path, env })
  expect(stderr).toBe('')
})
