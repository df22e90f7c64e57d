import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { CrcStep } from '../../src/node/gzip/crc.ts'

test('the checksum of two parts follows from theirs', () => {
  const part = fc.uint8Array({ maxLength: 300 })
  fc.assert(
    fc.property(part, part, fc.nat(400), (first, second, repeats) => {
      const long = Buffer.concat(Array.from({ length: repeats }, () => second)).subarray(0, 128 * 1024)
      const step = new CrcStep(crc32(long), long.length)
      expect(step.after(crc32(first)) >>> 0).toBe(crc32(Buffer.concat([first, long])))
    }),
  )
})
