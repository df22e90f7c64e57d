import { describe, expect, test } from 'vitest'
import { mayPublish, maySubscribe, NO_RIGHTS, parseRights } from '../../src/auth/rights.ts'
import type { Rights } from '../../src/auth/rights.ts'

describe('the claim', () => {
  test('gives what it lists', () => {
    const claim = { publish: ['orders/*'], subscribe: ['orders/**', 'news'], admin: true }
    expect(parseRights(claim)).toEqual({
      publish: ['orders/*'],
      subscribe: ['orders/**', 'news'],
      isAdmin: true,
    })
    expect(parseRights({})).toEqual(NO_RIGHTS)
  })

  test.each([
    ['none', undefined],
    ['null', null],
    ['a text', '**'],
    ['a list', ['**']],
    ['a text for a list', { publish: '**' }],
    ['a list of something else', { subscribe: [{}] }],
    ['a selector that is none', { subscribe: ['a//b'] }],
    ['a wildcard inside a segment', { publish: ['a*'] }],
    ['null for a list', { publish: null }],
    ['an admin that is a text', { admin: 'true' }],
    ['more selectors than anybody needs', { publish: Array.from({ length: 1001 }, (_, i) => `t/${i}`) }],
  ])('that is %s gives nothing', (_, claim) => {
    expect(parseRights(claim)).toEqual(expect.any(String))
  })
})

describe('a right', () => {
  const rights = (selector: string): Rights => ({
    publish: [selector],
    subscribe: [selector],
    isAdmin: false,
  })

  test.each([
    ['orders/*', 'orders/**', false],
    ['orders/*', 'orders/*', true],
    ['orders/*', 'orders/42', true],
    ['orders/**', 'orders/*', true],
    ['orders/**', 'orders', true],
    ['orders/**', '**', false],
    ['orders/42', 'orders/*', false],
    ['*', '*/**', false],
    ['**', '**', true],
    ['tenant-a/**', 'tenant-b/x', false],
    ['tenant-a/**', '*/x', false],
  ])('to %s covers a subscription to %s: %s', (right, selector, expected) => {
    expect(maySubscribe(rights(right))(selector)).toBe(expected)
  })

  test('to publish is to each topic that it selects', () => {
    expect(mayPublish(rights('orders/*'))('orders/42')).toBe(true)
    expect(mayPublish(rights('orders/*'))('orders/42/items')).toBe(false)
    expect(mayPublish(NO_RIGHTS)('orders/42')).toBe(false)
  })

  test('costs the same to look up among few rights and among many', () => {
    const deep = (i: number): string => `${'a/'.repeat(60)}${i}/*`
    const time = (count: number): number => {
      const many = rights('x')
      const isAllowed = maySubscribe({ ...many, subscribe: Array.from({ length: count }, (_, i) => deep(i)) })
      const began = performance.now()
      for (let i = 0; i < 20_000; i += 1) isAllowed(deep(-1))
      return performance.now() - began
    }
    time(10)
    // A walk over all rights would take a hundred times as long.
    expect(time(1_000)).toBeLessThan(10 * time(10))
  })
})
