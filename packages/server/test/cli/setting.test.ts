import { describe, expect, test } from 'vitest'
import { parseRule } from '../../src/cli/retention-rule.ts'
import { parseBytes, parseDuration } from '../../src/cli/setting.ts'
import { UsageError } from '../../src/cli/usage-error.ts'

describe('a duration', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['15s', 15_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('%s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds)
  })

  test.each(['', '15', 's', '1.5s', '-1s', '1 s', ' 1s', '1S', '1w', '1e3s', '1234567890s', '1s\n'])(
    'is not %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow(UsageError)
    },
  )
})

describe('a size', () => {
  test.each([
    ['0B', 0],
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['10GiB', 10_737_418_240],
    ['2TiB', 2_199_023_255_552],
  ])('%s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes)
  })

  test.each(['', '1', 'MiB', '1MB', '1kb', '1.5MiB', '-1B', '1 MiB', '1mib', '0x1B'])('is not %j', (text) => {
    expect(() => parseBytes(text)).toThrow(UsageError)
  })
})

describe('a retention rule', () => {
  test.each([
    ['**=7d', { selector: '**', maxAgeMs: 604_800_000 }],
    ['orders/*=1GiB', { selector: 'orders/*', maxBytes: 1_073_741_824 }],
    ['orders/42=100000events', { selector: 'orders/42', maxCount: 100_000 }],
    ['a=7d,1MiB,10events', { selector: 'a', maxAgeMs: 604_800_000, maxBytes: 1_048_576, maxCount: 10 }],
    ['a=forever', { selector: 'a' }],
    ['a=b=1events', { selector: 'a=b', maxCount: 1 }],
    ['a=0events', { selector: 'a', maxCount: 0 }],
  ])('%s', (text, rule) => {
    expect(parseRule(text)).toEqual({ text, rule })
  })

  test.each([
    '',
    'a',
    '=7d',
    'a=',
    'a=7d,',
    'a=7',
    'a=1event',
    'a=events',
    'a=7w',
    'a=7MB',
    'a//b=7d',
    'a*=7d',
    'a/**/b=7d',
  ])('is not %j', (text) => {
    expect(() => parseRule(text)).toThrow(UsageError)
  })
})
