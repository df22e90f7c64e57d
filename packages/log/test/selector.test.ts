import { isPattern, LogError, matches, parseSelector, parseTopic } from '@tailrace/log'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { literalPrefix } from '../src/selector.ts'

describe('parseSelector', () => {
  test.each([
    'a',
    'a/b',
    '*',
    '**',
    'a/*',
    '*/a',
    'a/*/b',
    'a/**',
    '*/**',
    '*/*/*',
    '*/a/*/b/*/*/**',
    `${'a/'.repeat(15)}**`,
    'a/'.repeat(40) + 'a',
  ])('accepts %s unchanged', (selector) => {
    expect(parseSelector(selector)).toBe(selector)
  })

  test.each([
    ['a*', 'inside the segment'],
    ['a/b*/c', 'inside the segment'],
    ['***', 'inside the segment'],
    ['a/***', 'inside the segment'],
    ['**/a', 'before its end'],
    ['a/**/b', 'before its end'],
    ['**/**', 'before its end'],
    ['*/*/a/*/*/*', '5 segments *: a pattern may have 4'],
    [`${'a/'.repeat(16)}**`, '17 segments: a pattern may have 16'],
    ['', 'empty'],
    ['/*', 'empty segment'],
    ['*/', 'empty segment'],
    ['*/..', 'segment ..'],
    ['*\n', 'control'],
    [`${'x'.repeat(255)}/*`, 'longer than'],
  ])('refuses %j, which %s', (selector, flaw) => {
    let refusal: unknown
    try {
      parseSelector(selector)
    } catch (error) {
      refusal = error
    }
    expect(LogError.is(refusal)).toBe(true)
    expect(refusal).toMatchObject({
      code: 'invalid-selector',
      details: { flaw: expect.stringContaining(flaw) },
    })
  })
})

describe('matches', () => {
  test.each([
    ['a', 'a', true],
    ['a', 'a/b', false],
    ['a/b', 'a', false],
    ['*', 'a', true],
    ['*', 'a/b', false],
    ['a/*', 'a/b', true],
    ['a/*', 'a', false],
    ['a/*', 'a/b/c', false],
    ['a/*', 'ab/c', false],
    ['*/b', 'a/b', true],
    ['*/b', 'b', false],
    ['a/*/c', 'a/b/c', true],
    ['a/*/c', 'a/b/d', false],
    ['**', 'a', true],
    ['**', 'a/b/c', true],
    ['a/**', 'a', true],
    ['a/**', 'a/b/c', true],
    ['a/**', 'ab', false],
    ['a/**', 'b/a', false],
    ['*/**', 'a', true],
    ['*/b/**', 'a/b', true],
    ['*/b/**', 'a', false],
    ['a.c', 'abc', false],
  ])('of %s and %s is %s', (selector, topic, expected) => {
    expect(matches(selector, topic)).toBe(expected)
  })

  test('agrees with the definition, segment by segment', () => {
    const seen = { true: 0, false: 0 }
    fc.assert(
      fc.property(selectors, topics, (selector, topic) => {
        parseSelector(selector)
        parseTopic(topic)
        const expected = selects(selector.split('/'), topic.split('/'))
        seen[`${expected}`] += 1
        expect(matches(selector, topic)).toBe(expected)
      }),
      { numRuns: 3000 },
    )
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(100)
  })

  test('selects nothing outside the literal prefix of a pattern', () => {
    fc.assert(
      fc.property(selectors, topics, (selector, topic) => {
        fc.pre(isPattern(selector) && matches(selector, topic))
        const prefix = literalPrefix(selector)
        expect(prefix === '' || topic === prefix || topic.startsWith(`${prefix}/`)).toBe(true)
      }),
    )
  })
})

describe('isPattern', () => {
  test.each(['*', 'a/*', '**', 'a/**', '*/a'])('holds for %s', (selector) => {
    expect(isPattern(selector)).toBe(true)
  })

  test.each(['a', 'a/b', 'a%b'])('does not hold for %s', (selector) => {
    expect(isPattern(selector)).toBe(false)
  })
})

const segment = fc.constantFrom('a', 'b', 'c')
const topics = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))
const selectors = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .filter(([segments, isOpen]) => isOpen || segments.length > 0)
  .map(([segments, isOpen]) => (isOpen ? [...segments, '**'] : segments).join('/'))

/** `*` is exactly one segment; a final `**` is any number of them. */
function selects([wanted, ...wantedRest]: string[], [found, ...foundRest]: string[]): boolean {
  if (wanted === '**') return true
  if (wanted === undefined || found === undefined) return wanted === found
  return (wanted === '*' || wanted === found) && selects(wantedRest, foundRest)
}
