import { matches } from '@tailrace/log'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Selection } from '../src/selection.ts'

const segment = fc.constantFrom('a', 'b', 'c')
const topic = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('/'))
const selector = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([segments, isOpen]) => [...segments, ...(isOpen || segments.length === 0 ? ['**'] : [])].join('/'))

test('a selection matches what any of its selectors matches', () => {
  fc.assert(
    fc.property(fc.array(selector, { minLength: 1, maxLength: 8 }), topic, (selectors, name) => {
      const expected = selectors.some((one) => matches(one, name))
      expect(new Selection(selectors).matches(name)).toBe(expected)
    }),
    { numRuns: 2000 },
  )
})

test('matching costs no more with a hundred selectors than with two', () => {
  const topics = Array.from({ length: 20_000 }, (_, i) => `t/${i}/x`)
  function msFor(count: number): number {
    const selection = new Selection(Array.from({ length: count }, (_, i) => `t/*/y${i}`))
    const began = performance.now()
    for (let round = 0; round < 5; round += 1) topics.filter((name) => selection.matches(name))
    return performance.now() - began
  }
  msFor(2)
  expect(msFor(100) / msFor(2)).toBeLessThan(10)
})
