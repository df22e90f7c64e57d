import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { expire, ruleFor, type Candidate, type Holdings, type RetentionRule } from '../src/retention.ts'

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
  const { offsets, settled } = expire({ selector: '**', ...rule }, NOW, holdingsOf(all), all)
  return { left: Array.from(kinds, (kind, i) => (offsets.includes(i + 1) ? '.' : kind)).join(''), settled }
}

function holdingsOf(candidates: readonly Candidate[]): Holdings {
  const [history, state] = [false, true].map((kind) => candidates.filter(({ isNewest }) => isNewest === kind))
  const bytesOf = (some: readonly Candidate[]): number => some.reduce((sum, { bytes }) => sum + bytes, 0)
  return { count: history!.length, bytes: bytesOf(history!), stateBytes: bytesOf(state!) }
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
    ['KKKK', { maxCount: 0 }, 'KKKK', true],
    ['KKKK', { maxBytes: 2 }, '..KK', true],
    ['KeKeKe', { maxBytes: 1 }, '....Ke', true],
    ['KKKeee', { maxCount: 2, maxBytes: 3 }, 'KKK.ee', true],
    ['KeeK', { maxAgeMs: 1 }, '..eK', true],
    ['KeKe', { maxAgeMs: 1, maxCount: 1 }, '..Ke', true],
    ['KeKe', { maxAgeMs: 2, maxCount: 0 }, '..K.', false],
    ['', { maxCount: 0 }, '', false],
  ])('leaves of %s, by %j, %s', (kinds, rule, left, settled) => {
    expect(run(kinds, rule)).toEqual({ left, settled })
  })

  test('counts the holdings down by what it removes', () => {
    const all = events('eKeee')
    const history = holdingsOf(all)
    expire({ selector: '**', maxCount: 1 }, NOW, history, all)
    expect(history).toEqual({ count: 1, bytes: 1, stateBytes: 1 })
  })

  test('looks at no more candidates than it must', () => {
    let looked = 0
    function* watched(): Iterable<Candidate> {
      for (const event of events('eeeeeeee')) {
        looked += 1
        yield event
      }
    }
    expire({ selector: '**', maxCount: 6 }, NOW, { count: 8, bytes: 8, stateBytes: 0 }, watched())
    expect(looked).toBe(3)
  })

  test('goes on, chunk after chunk, to where it would come at once', () => {
    fc.assert(
      fc.property(kinds, bounds, fc.integer({ min: 1, max: 5 }), (text, rule, length) => {
        const all = events(text)
        const history = holdingsOf(all)
        const removed: number[] = []
        for (let from = 0; from < all.length; from += length) {
          const step = expire({ selector: '**', ...rule }, NOW, history, all.slice(from, from + length))
          removed.push(...step.offsets)
          if (step.settled) break
        }
        expect(removed).toEqual(expire({ selector: '**', ...rule }, NOW, holdingsOf(all), all).offsets)
      }),
    )
  })

  test('holds the bounds, and removes no more than they ask for', () => {
    fc.assert(
      fc.property(kinds, bounds, (text, rule) => {
        const all = events(text)
        const { offsets } = expire({ selector: '**', ...rule }, NOW, holdingsOf(all), all)
        const { maxAgeMs = Infinity, maxCount = Infinity, maxBytes = Infinity } = rule
        const cutoff = NOW - maxAgeMs
        const left = all.filter(({ offset }) => !offsets.includes(offset))
        expect(left.every(({ time }) => time >= cutoff)).toBe(true)
        expect(holdingsOf(left).count).toBeLessThanOrEqual(Math.min(maxCount, maxBytes))

        expect(holdingsOf(left).stateBytes).toBeLessThanOrEqual(maxBytes)

        // Each kind goes from its oldest on, and no further than its bound.
        const most = { history: Math.min(maxCount, maxBytes), state: maxBytes }
        for (const kind of ['history', 'state'] as const) {
          const ofKind = (event: Candidate): boolean => event.isNewest === (kind === 'state')
          const gone = all.filter((event) => ofKind(event) && offsets.includes(event.offset))
          const kept = left.filter(ofKind)
          const isYoungGone = gone.some(({ time }) => time >= cutoff)
          expect(!isYoungGone || kept.length === most[kind]).toBe(true)
          expect(gone.every(({ offset }) => offset < (kept[0]?.offset ?? Infinity))).toBe(true)
        }
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
