import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { tempDir } from '@tailrace/testkit'

const SCRIPT = fileURLToPath(new URL('../../../scripts/provision.sh', import.meta.url))

interface Result {
  output: string
  code: number | null
  /** Whether the machine forbids that what is installed is started. */
  forbidsStarts: boolean
}

/** Runs the script in a machine whose only commands are these shell scripts (and two that change files). */
function provision(commands: Record<string, string>): Result {
  using dir = tempDir()
  for (const name of ['chmod', 'rm']) symlinkSync(`/bin/${name}`, join(dir.path, name))
  mkdirSync(join(dir.path, 'usr/sbin'), { recursive: true })
  for (const [name, script] of Object.entries(commands)) {
    mkdirSync(dirname(join(dir.path, name)), { recursive: true })
    writeFileSync(join(dir.path, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
  }
  const { stdout, stderr, status } = spawnSync('/bin/bash', [SCRIPT], {
    env: { PATH: dir.path, FOLDER: dir.path, PROVISION_ROOT: dir.path },
    encoding: 'utf8',
  })
  const forbidsStarts = existsSync(join(dir.path, 'usr/sbin/policy-rc.d'))
  return { output: stdout + stderr, code: status, forbidsStarts }
}

/** What a machine has that lacks nothing but Chromium. */
const most = {
  curl: '',
  gcc: '',
  ip: '',
  'mkfs.ext4': '',
  openssl: '',
  'usr/include/openssl/ssl.h': '',
  nginx: '',
  haproxy: '',
  caddy: '',
  varnishd: '',
  'redis-server': '',
  'redis-sentinel': '',
  'usr/lib/postgresql/15/bin/postgres': '',
  'nats-server': '',
  'usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1': '',
}
const root = 'echo 0'
const nobody = 'echo 65534'
const mustNotRun = 'echo must not run'

test('with everything there nothing is installed', () => {
  const result = provision({ ...most, chromium: '', id: root, 'apt-get': mustNotRun })
  expect(result).toMatchObject({ output: 'provision: nothing is missing\n', code: 0 })
})

test('who may not install is told what is missing', () => {
  const { output, code } = provision({ ...most, id: nobody, 'apt-get': mustNotRun })
  expect(output).toMatch(/missing: chromium; .*skipped/)
  expect(output).not.toContain('must not run')
  expect(code).toBe(0)
})

test('a machine without apt is told what is missing', () => {
  const { output, code } = provision({ id: root })
  expect(output).toContain(
    'missing: chromium curl gcc ip mkfs.ext4 openssl /usr/include/openssl/ssl.h nginx haproxy caddy varnishd ',
  )
  expect(output).toContain(' redis-sentinel /usr/lib/postgresql/*/bin/postgres nats-server ')
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
  const result = provision({ ...most, id: root, 'apt-get': aptGet })
  expect(result).toMatchObject({
    output: 'provision: installing chromium\nprovision: nothing is missing\n',
    code: 0,
  })
})

test('when apt fails its output is shown, and the tests still start', () => {
  const { output, code } = provision({ ...most, id: root, 'apt-get': 'echo no network; exit 100' })
  expect(output).toContain('no network')
  expect(output).toContain('missing: chromium;')
  expect(code).toBe(0)
})

test('servers that are installed are not started, and that holds only for as long', () => {
  const { output, forbidsStarts } = provision({
    ...most,
    id: root,
    'apt-get': 'echo "asked: $("$FOLDER/usr/sbin/policy-rc.d" nginx start; echo $?)"; exit 1',
  })
  expect(output).toContain('asked: 101')
  expect(forbidsStarts).toBe(false)
})

test('a machine that forbids starts goes on to do so', () => {
  // `id` runs before anything else of a machine.
  const id = ': >"$FOLDER/usr/sbin/policy-rc.d"; echo 0'
  const { forbidsStarts } = provision({ ...most, id, 'apt-get': 'exit 1' })
  expect(forbidsStarts).toBe(true)
})
