import { createRandom, makeCertificate, needs, tempDir, testSeed } from '@tailrace/testkit'
import { describe, expect, test } from 'vitest'
import { bodyInputs } from './body-inputs.ts'
import { clientInputs, COMMITS, halfHeads, SLOW_HEADS } from './client-inputs.ts'
import { frameInputs } from './frame-inputs.ts'
import { headerInputs, targetInputs } from './head-inputs.ts'
import type { Input } from './input.ts'
import { logInputs, stock } from './log-inputs.ts'
import { reportOf } from './report.ts'
import { search } from './search.ts'
import { slowDisk } from './slow-disk.ts'
import type { SubjectOptions } from './subject.ts'
import { tokenInputs } from './token-inputs.ts'

// The cost of an input must grow no faster than its size. Meanwhile other clients must be served, and the hub must fit
// into 512 MiB. `TAILRACE_LONG=1` tries larger sizes and many more random combinations.

const KIB = 1024
const MIB = 1024 * KIB
const isLong = process.env['TAILRACE_LONG'] === '1'
const seed = testSeed()
const random = createRandom(seed)
/** A quarter of the default `--max-head`, less the rest of the head. */
const HEAD_BYTES = 3.5 * KIB
const BATCH_BYTES = (isLong ? 7.5 : 1) * MIB
const MORE_FILLERS = isLong ? 200 : 4
/** The search stops here: each failure may have cost a hub and several seconds. */
const MAX_FAILURES = isLong ? Infinity : 12
const TIMEOUT = { timeout: (isLong ? 60 : 10) * 60_000 }

/** Prints the costs, and returns the reasons why inputs were too expensive. */
async function offencesOf(
  name: string,
  options: SubjectOptions,
  inputs: readonly Input[],
): Promise<string[]> {
  const found = await search(options, inputs, MAX_FAILURES)
  console.log(`seed ${seed}\n${reportOf(name, found)}`)
  return found.findings.flatMap((finding) =>
    finding.offences.length === 0 ? [] : `${finding.name}: ${finding.offences.join('; ')}`,
  )
}

function someOf(inputs: readonly Input[], count: number): readonly Input[] {
  return isLong ? inputs : Array.from({ length: count }, () => random.pick(inputs))
}

const heads = (): Input[] => [
  ...headerInputs(random, HEAD_BYTES, MORE_FILLERS),
  ...targetInputs(random, HEAD_BYTES, MORE_FILLERS),
]

// Costs are read from /proc.
describe.skipIf(process.platform !== 'linux')('no input is expensive', () => {
  test('in a head, a token or a body', TIMEOUT, async () => {
    const inputs = [...heads(), ...tokenInputs(HEAD_BYTES / 2), ...bodyInputs(BATCH_BYTES)]
    expect(await offencesOf('requests', { protocol: 'http1' }, inputs)).toEqual([])
  })

  test('of a log that holds much, or of many connections', TIMEOUT, async () => {
    const inputs = [...logInputs(), ...clientInputs()]
    expect(await offencesOf('reads and connections', { protocol: 'http1', stock }, inputs)).toEqual([])
  })

  test('with the largest heads that can be allowed', TIMEOUT, async () => {
    const args = ['--max-head', '1MiB']
    expect(
      await offencesOf('large heads', { protocol: 'http1', args }, [SLOW_HEADS, halfHeads(900 * KIB)]),
    ).toEqual([])
  })

  test.skipIf(!needs('gcc'))('of a disk that is slow', TIMEOUT, async () => {
    using dir = tempDir()
    expect(await offencesOf('slow disk', { protocol: 'http1', env: slowDisk(dir.path) }, COMMITS)).toEqual([])
  })

  describe.skipIf(!needs('openssl'))('over TLS', () => {
    test('in a frame or a request of HTTP/2', TIMEOUT, async () => {
      using dir = tempDir()
      const inputs = [...frameInputs(2_500), ...someOf(heads(), 200), ...someOf(bodyInputs(BATCH_BYTES), 10)]
      expect(await offencesOf('HTTP/2', { protocol: 'http2', ...secured(dir.path) }, inputs)).toEqual([])
    })

    test('in a request of HTTP/1.1', TIMEOUT, async () => {
      using dir = tempDir()
      const inputs = [...someOf(heads(), 200), ...someOf(bodyInputs(BATCH_BYTES), 10), ...clientInputs()]
      expect(await offencesOf('TLS', { protocol: 'http1', ...secured(dir.path), stock }, inputs)).toEqual([])
    })
  })
})

function secured(folder: string): Pick<SubjectOptions, 'args' | 'ca'> {
  const { cert, key, pem } = makeCertificate(folder)
  return { args: ['--tls-cert', cert, '--tls-key', key], ca: pem }
}
