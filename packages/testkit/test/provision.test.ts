import { spawnSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { tempDir } from '@tailrace/testkit'

const SCRIPT = fileURLToPath(new URL('../../../scripts/provision.sh', import.meta.url))

/** Runs the script in a machine whose only commands are these shell scripts (and `chmod`, for one of them). */
function provision(commands: Record<string, string>): { output: string; code: number | null } {
  using dir = tempDir()
  symlinkSync('/bin/chmod', join(dir.path, 'chmod'))
  for (const [name, script] of Object.entries(commands)) {
    writeFileSync(join(dir.path, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
  }
  const { stdout, stderr, status } = spawnSync('/bin/bash', [SCRIPT], {
    env: { PATH: dir.path, FOLDER: dir.path },
    encoding: 'utf8',
  })
  return { output: stdout + stderr, code: status }
}

const root = 'echo 0'
const nobody = 'echo 65534'
const mustNotRun = 'echo must not run'

test('with everything there nothing is installed', () => {
  const result = provision({ chromium: '', curl: '', gcc: '', openssl: '', id: root, 'apt-get': mustNotRun })
  expect(result).toEqual({ output: 'provision: nothing is missing\n', code: 0 })
})

test('who may not install is told what is missing', () => {
  const { output, code } = provision({ curl: '', gcc: '', openssl: '', id: nobody, 'apt-get': mustNotRun })
  expect(output).toMatch(/missing: chromium; .*skipped/)
  expect(output).not.toContain('must not run')
  expect(code).toBe(0)
})

test('a machine without apt is told what is missing', () => {
  const { output, code } = provision({ id: root })
  expect(output).toContain('missing: chromium curl gcc openssl;')
  expect(code).toBe(0)
})

test('root installs only what is missing, in one line of progress', () => {
  const aptGet = `
    echo "noise $*"
    case "$*" in
      update) touched=1 ;;
      *'install -y --no-install-recommends chromium') : > "$FOLDER/chromium"; chmod +x "$FOLDER/chromium" ;;
      *) exit 1 ;;
    esac`
  const result = provision({ curl: '', gcc: '', openssl: '', id: root, 'apt-get': aptGet })
  expect(result).toEqual({
    output: 'provision: installing chromium\nprovision: nothing is missing\n',
    code: 0,
  })
})

test('when apt fails its output is shown, and the tests still start', () => {
  const { output, code } = provision({
    curl: '',
    gcc: '',
    openssl: '',
    id: root,
    'apt-get': 'echo no network; exit 100',
  })
  expect(output).toContain('no network')
  expect(output).toContain('missing: chromium;')
  expect(code).toBe(0)
})
