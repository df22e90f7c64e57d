import { formatCursor, MAX_CURSOR_LENGTH, parseCursor } from '@tailrace/log'
import { mintEpoch } from '@tailrace/log/adapter'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const MALFORMED: readonly string[] = [
  '',
  '.',
  'k7x2',
  'k7x2.',
  '.1042',
  'k7x2.1042.1',
  'k7x2.01',
  'k7x2.-1',
  'k7x2.+1',
  'k7x2.1e3',
  'k7x2.0x10',
  'k7x2.1 ',
  ' k7x2.1',
  'k7x2.1\n',
  'k7x2,1',
  'K7X2.1',
  'k7x\u00e9.1',
  'k7x2.١',
  `k7x2.${Number.MAX_SAFE_INTEGER + 1}`,
  'k7x2.99999999999999999999',
  `${'k'.repeat(33)}.1`,
  `${'k'.repeat(MAX_CURSOR_LENGTH)}.1`,
  'k7x2.1'.repeat(1000),
]

describe('a cursor', () => {
  test('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (offset) => {
        const epoch = mintEpoch()
        expect(parseCursor(formatCursor(epoch, offset))).toEqual({ epoch, offset })
      }),
    )
  })

  test('is ASCII without spaces, and short', () => {
    const cursor = formatCursor(mintEpoch(), Number.MAX_SAFE_INTEGER)
    expect(cursor).toMatch(/^[\u0021-\u007e]+$/)
    expect(cursor.length).toBeLessThanOrEqual(MAX_CURSOR_LENGTH)
  })

  test('may stand before the first event', () => {
    expect(parseCursor('k7x2.0')).toEqual({ epoch: 'k7x2', offset: 0 })
  })

  test.each(MALFORMED)('is not read from %j', (text) => {
    expect(parseCursor(text)).toBeUndefined()
  })

  test('is read only from what could have been written', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyCursors, fc.string({ unit: 'binary', maxLength: 80 })), (text) => {
        const cursor = parseCursor(text)
        expect(cursor === undefined || formatCursor(cursor.epoch, cursor.offset) === text).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('an epoch', () => {
  test('is minted anew each time', () => {
    expect(new Set(Array.from({ length: 1000 }, mintEpoch)).size).toBe(1000)
  })
})

const nearlyCursors = fc
  .tuple(
    fc.stringMatching(/^[a-z0-9]{0,34}$/),
    fc.constantFrom('.', '', '..', ','),
    fc.stringMatching(/^[0-9]{0,18}$/),
  )
  .map((parts) => parts.join(''))
