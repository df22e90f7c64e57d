import { expect, test } from 'vitest'
import { SERVE_SETTINGS } from '../../src/cli/serve-settings.ts'
import { resolve } from '../../src/cli/verb.ts'
import { sharesOf } from '../../src/workers/shares.ts'

const MIB = 1024 ** 2

function sharesFor(workers: number, ...argv: readonly string[]) {
  return sharesOf(resolve(SERVE_SETTINGS, { argv, env: {} }).values, workers)
}

test('memory for all clients is divided among the workers', () => {
  expect(sharesFor(4)).toMatchObject({
    'window-total': 16 * MIB,
    'max-bodies': 64 * MIB,
    'max-history': 16 * MIB,
    'max-pending': 16 * MIB,
    'max-queued-reads': 8_192,
  })
})

test('a share is never so small that the largest request does not fit, and never more than all', () => {
  expect(sharesFor(256)).toMatchObject({
    'window-total': MIB,
    'max-bodies': 64 * MIB,
    'max-history': 12 * MIB,
    'max-pending': MIB + 16 * 1024,
    'max-queued-reads': 128,
  })
  expect(sharesFor(2, '--max-history', '8MiB', '--max-batch', '1MiB')).toMatchObject({
    'max-history': 8 * MIB,
    'max-bodies': 32 * MIB,
  })
})
