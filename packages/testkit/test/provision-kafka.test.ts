import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { expect, test } from 'vitest'

import { tempDir } from '@tailrace/testkit'

const SCRIPT = fileURLToPath(new URL('../../../scripts/provision-kafka.sh', import.meta.url))
const KAFKA = 'tailrace/kafka-4.1.1'

/** Runs the script on a machine with these shell scripts as commands, and with an empty cache or one that has Kafka. */
function provision(commands: Record<string, string>, hasKafka = false) {
  using dir = tempDir()
  const cache = join(dir.path, 'cache')
  if (hasKafka) mkdirSync(join(cache, KAFKA), { recursive: true })
  for (const name of ['chmod', 'dirname', 'mkdir', 'mktemp', 'mv', 'rm']) {
    symlinkSync(`/bin/${name}`, join(dir.path, name))
  }
  for (const [name, script] of Object.entries(commands)) {
    writeFileSync(join(dir.path, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })
  }
  const { stdout, stderr, status } = spawnSync('/bin/bash', [SCRIPT], {
    env: { PATH: dir.path, XDG_CACHE_HOME: cache },
    encoding: 'utf8',
  })
  const left = existsSync(join(cache, 'tailrace')) ? readdirSync(join(cache, 'tailrace')) : []
  return { output: stdout + stderr, code: status, left }
}

const maven = 'for word in "$@"; do [[ $word == -DoutputDirectory=* ]] && echo >"${word#*=}/kafka.jar"; done'

test('Kafka is downloaded once', () => {
  const result = provision({ java: '', mvn: maven })
  expect(result).toEqual({ output: 'provision: downloading Kafka 4.1.1\n', code: 0, left: ['kafka-4.1.1'] })
  expect(provision({ java: '', mvn: 'echo must not run' }, true)).toEqual({
    output: '',
    code: 0,
    left: ['kafka-4.1.1'],
  })
})

test('a machine without Java is told so', () => {
  const { output, code } = provision({ mvn: 'echo must not run' })
  expect(output).toMatch(/there is no java; .*skipped\n$/)
  expect(code).toBe(0)
})

test('when Maven fails its output is shown, nothing is left behind, and the tests still start', () => {
  const { output, code, left } = provision({ java: '', mvn: `${maven}; echo no network; exit 1` })
  expect(output).toContain('no network')
  expect(output).toMatch(/Maven failed, .*skipped\n$/)
  expect({ code, left }).toEqual({ code: 0, left: [] })
})
