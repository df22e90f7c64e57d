import { array, assert, constantFrom, nat, property } from 'fast-check'
import { expect, test } from 'vitest'
import {
  isTooLong,
  MAX_BATCH_LINES,
  READ_BYTES,
  skipLine,
  splitLines,
  toBatches,
} from '../../src/follow/lines.ts'

/** Reads bytes as `drain` does, while the file grows to each of some sizes. */
function readGrowing(file: Buffer, sizes: readonly number[]): string[] {
  const lines: string[] = []
  let offset = 0
  for (const [i, size] of [...sizes, file.length].entries()) {
    for (const line of splitLines(file.subarray(offset, size), offset, i === sizes.length)) {
      expect(line.offset).toBe(offset)
      offset = line.end
      lines.push(line.bytes.toString('latin1'))
    }
  }
  return lines
}

const pieces = array(constantFrom('\n', '\r\n', '\r', 'a', 'é', 'line'), { maxLength: 60 })

test('however a file grows, its lines are what stands between its line ends', () => {
  assert(
    property(pieces, array(nat(200), { maxLength: 10 }), (texts, cuts) => {
      const text = texts.join('')
      const file = Buffer.from(text, 'latin1')
      const sizes = cuts.map((cut) => Math.min(cut, file.length)).toSorted((a, b) => a - b)
      const expected = text
        .split('\n')
        .map((line, i, all) => (i < all.length - 1 ? line.replace(/\r$/, '') : line))
      if (expected.at(-1) === '') expected.pop()
      expect(readGrowing(file, sizes)).toEqual(expected)
    }),
  )
})

test('a line without its LF is no line, until nobody writes to the file any more', () => {
  const chunk = Buffer.from('one\ntwo')
  expect([...splitLines(chunk, 10, false)]).toEqual([{ offset: 10, end: 14, bytes: Buffer.from('one') }])
  expect([...splitLines(chunk, 10, true)].at(-1)).toEqual({ offset: 14, end: 17, bytes: Buffer.from('two') })
})

test('a batch is bounded, has no empty lines, and reaches past them', () => {
  const chunk = Buffer.from('\n'.repeat(3) + 'x\n'.repeat(MAX_BATCH_LINES + 1) + '\r\n')
  const batches = [...toBatches(splitLines(chunk, 0, false))]
  expect(batches.map(({ lines, end }) => [lines.length, end])).toEqual([
    [MAX_BATCH_LINES, 3 + 2 * MAX_BATCH_LINES],
    [1, chunk.length],
  ])
})

test('a line is too long when a whole read has no LF, and is skipped through the read that has it', () => {
  const longest = Buffer.alloc(READ_BYTES, 'x')
  longest.write('\r\n', READ_BYTES - 2)
  expect(isTooLong(longest)).toBe(false)
  const endless = Buffer.alloc(READ_BYTES, 'x')
  expect(isTooLong(endless)).toBe(true)
  expect([...splitLines(endless, 0, true)]).toEqual([])
  expect(skipLine(endless)).toEqual({ length: READ_BYTES, isSkipping: true })
  expect(skipLine(Buffer.from('rest\nnext'))).toEqual({ length: 5, isSkipping: false })
})
