import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { mountSmallDisk, needs } from '@tailrace/testkit'

const mount = needs('mount')

test.skipIf(!mount)('a small disk really fills up, and is gone when disposed', () => {
  const disk = mountSmallDisk(64 * 1024)
  const path = disk?.path ?? ''
  expect(() => writeFileSync(join(path, 'file'), Buffer.alloc(128 * 1024))).toThrow('ENOSPC')
  disk?.[Symbol.dispose]()
  expect(existsSync(path)).toBe(false)
})
