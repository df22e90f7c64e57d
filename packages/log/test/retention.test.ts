import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { expire, ruleFor, type Candidate, type RetentionRule } from '../src/retention.ts'

const NOW = 1_000_000

/** Events of a byte each, a millisecond apart, the last one now; `K` is the newest event of its key. */
function events(kinds: string): Candidate[] {
  return Array.from(kinds, (kind, i) => ({
    offset: i + 1,
    time: NOW - kinds.length + 1 + i,
    bytes: 1,
    isNewest: kind === 'K',
  }))
}

function run(kinds: string, rule: Omit<RetentionRule, 'selector'>): { left: string; settled: boolean } {
  const all = events(kinds)
  const { offsets, settled } = expire({ selector: '**', ...rule }, NOW, historyOf(all), all)
  return { left: Array.from(kinds, (kind, i) => (offsets.includes(i + 1) ? '.' : kind)).join(''), settled }
}

function historyOf(candidates: readonly Candidate[]): { count: number; bytes: number } {
  const removable = candidates.filter(({ isNewest }) => !isNewest)
  return { count: removable.length, bytes: removable.reduce((sum, { bytes }) => sum + bytes, 0) }
}

describe('expire', () => {
  test.each<[string, Omit<RetentionRule, 'selector'>, string, boolean]>([
    ['eeee', {}, 'eeee', true],
    ['eeee', { maxCount: 4 }, 'eeee', true],
    ['eeee', { maxCount: 3 }, '.eee', true],
    ['eeee', { maxCount: 0 }, '....', false],
    ['eeee', { maxBytes: 1 }, '...e', true],
    ['eeee', { maxCount: 3, maxBytes: 2 }, '..ee', true],
    ['eeee', { maxAgeMs: 3 }, 'eeee', true],
    ['eeee', { maxAgeMs: 2 }, '.eee', true],
    ['eeee', { maxAgeMs: 0 }, '...e', true],
    ['eeee', { maxAgeMs: 2, maxCount: 1 }, '...e', true],
    ['KeeK', { maxCount: 1 }, 'K.eK', true],
    ['KeeK', { maxCount: 0 }, 'K..K', true],
    ['KKKK', { maxCount: 0, maxBytes: 0 }, 'KKKK', true],
    ['KeeK', { maxAgeMs: 1 }, '..eK', true],
    ['KeKe', { maxAgeMs: 1, maxCount: 1 }, '..Ke', true],
    ['KeKe', { maxAgeMs: 2, maxCount: 0 }, '..K.', false],
    ['', { maxCount: 0 }, '', false],
  ])('leaves of %s, by %j, %s', (kinds, rule, left, settled) => {
    expect(run(kinds, rule)).toEqual({ left, settled })
  })

  test('counts the history down by what it removes', () => {
    const all = events('eKeee')
    const history = historyOf(all)
    expire({ selector: '**', maxCount: 1 }, NOW, history, all)
    expect(history).toEqual({ count: 1, bytes: 1 })
  })

  test('looks at no more candidates than it must', () => {
    let looked = 0
    function* watched(): Iterable<Candidate> {
      for (const event of events('eeeeeeee')) {
        looked += 1
        yield event
      }
    }
    expire({ selector: '**', maxCount: 6 }, NOW, { count: 8, bytes: 8 }, watched())
    expect(looked).toBe(3)
  })

  test('goes on, chunk after chunk, to where it would come at once', () => {
    fc.assert(
      fc.property(kinds, bounds, fc.integer({ min: 1, max: 5 }), (text, rule, length) => {
        const all = events(text)
        const history = historyOf(all)
        const removed: number[] = []
        for (let from = 0; from < all.length; from += length) {
          const step = expire({ selector: '**', ...rule }, NOW, history, all.slice(from, from + length))
          removed.push(...step.offsets)
          if (step.settled) break
        }
        expect(removed).toEqual(expire({ selector: '**', ...rule }, NOW, historyOf(all), all).offsets)
      }),
    )
  })

  test('holds the bounds, and removes no more than they ask for', () => {
    fc.assert(
      fc.property(kinds, bounds, (text, rule) => {
        const all = events(text)
        const { offsets } = expire({ selector: '**', ...rule }, NOW, historyOf(all), all)
        const { maxAgeMs = Infinity, maxCount = Infinity, maxBytes = Infinity } = rule
        const cutoff = NOW - maxAgeMs
        const left = all.filter(({ offset }) => !offsets.includes(offset))
        expect(left.every(({ time }) => time >= cutoff)).toBe(true)
        expect(historyOf(left).count).toBeLessThanOrEqual(Math.min(maxCount, maxBytes))

        const youngGone = all.filter(({ offset, time }) => offsets.includes(offset) && time >= cutoff)
        expect(youngGone.some(({ isNewest }) => isNewest)).toBe(false)
        expect(youngGone.length === 0 || historyOf(left).count === Math.min(maxCount, maxBytes)).toBe(true)
        const firstLeft = left.find(({ isNewest }) => !isNewest)?.offset ?? Infinity
        expect(offsets.every((offset) => offset < firstLeft)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('ruleFor', () => {
  const rules = [{ selector: 'a/b' }, { selector: 'a/*', maxCount: 1 }, { selector: '*/b', maxCount: 2 }]

  test.each([
    ['a/b', rules[0]],
    ['a/c', rules[1]],
    ['c/b', rules[2]],
    ['c', undefined],
  ])('finds the first rule for %s', (topic, rule) => {
    expect(ruleFor(rules, topic)).toBe(rule)
  })
})

const kinds = fc.string({ unit: fc.constantFrom('e', 'K'), maxLength: 20 })
const bound = fc.option(fc.integer({ min: 0, max: 12 }), { nil: undefined })
const bounds = fc.record({ maxAgeMs: bound, maxCount: bound, maxBytes: bound })
