import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDir } from '@tailrace/testkit'
import { expect, test } from 'vitest'

const PACKAGE = join(import.meta.dirname, '..')
const SOURCE = join(PACKAGE, 'src/index.ts')

interface Manifest {
  readonly name: string
  readonly version: string
  readonly main: string
  readonly optionalDependencies: Readonly<Record<string, string>>
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(PACKAGE, folder, 'package.json'), 'utf8')) as Manifest
}

test('every build has a package of the same version, and is looked for', () => {
  const { version, optionalDependencies } = manifestOf('.')
  const builds = readdirSync(join(PACKAGE, 'platforms')).map((target) => manifestOf(`platforms/${target}`))
  expect(optionalDependencies).toEqual(Object.fromEntries(builds.map(({ name }) => [name, version])))
  const source = readFileSync(SOURCE, 'utf8')
  for (const { name, version: own, main } of builds) {
    expect({ own, main }).toEqual({ own: version, main: './multisend.node' })
    expect(source).toContain(`'${name}'`)
  }
})

test.each([
  ['is not installed', undefined],
  ['cannot be loaded', 'not a library'],
])('a build that %s is no failure', (_name, content) => {
  using dir = tempDir()
  copyFileSync(SOURCE, join(dir.path, 'index.ts'))
  for (const name of content === undefined ? [] : Object.keys(manifestOf('.').optionalDependencies)) {
    const folder = join(dir.path, 'node_modules', name)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, main: './multisend.node' }))
    writeFileSync(join(folder, 'multisend.node'), content!)
  }
  writeFileSync(
    join(dir.path, 'try.ts'),
    "import { loadSend } from './index.ts'\nconsole.log(typeof loadSend())",
  )
  expect(execFileSync(process.execPath, [join(dir.path, 'try.ts')], { encoding: 'utf8' })).toBe('undefined\n')
})
