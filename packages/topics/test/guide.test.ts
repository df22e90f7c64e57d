import { spawnSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../../..')

test('the samples of the guide compile together', () => {
  using dir = tempDir()
  const guide = readFileSync(join(ROOT, 'docs/guides/typed-topics.md'), 'utf8')
  const samples = Array.from(guide.matchAll(/^```ts\n\/\/ (\w+\.ts)\n([\s\S]*?)^```$/gm))
  expect(samples.length).toBe(guide.match(/^```ts/gm)!.length)
  for (const [, file, code] of samples) writeFileSync(join(dir.path, file!), `${code!}export {}\n`)
  symlinkSync(join(ROOT, 'node_modules'), join(dir.path, 'node_modules'))
  writeFileSync(join(dir.path, 'package.json'), '{ "type": "module" }')
  const compilerOptions = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    module: 'nodenext',
    target: 'es2024',
    skipLibCheck: true,
    customConditions: ['@tailrace/source'],
    allowImportingTsExtensions: true,
    types: ['node'],
  }
  writeFileSync(join(dir.path, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', dir.path], { cwd: dir.path, encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})
