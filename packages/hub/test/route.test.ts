import { matches } from '@tailrace/log'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Router } from '../src/route.ts'

const segment = fc.constantFrom('a', 'b', 'c', 'é')
const topics = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const selectors = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 4 }), fc.boolean())
  .map(([parts, open]) => [...parts, ...(open || parts.length === 0 ? ['**'] : [])].join('/'))

test('a topic is routed to exactly those whose selectors match it, each once', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(selectors, fc.nat(3)), { maxLength: 12 }), topics, (routes, topic) => {
      const router = new Router<number>()
      for (const [selector, route] of routes) router.add(selector, route)
      const expected = new Set(
        routes.filter(([selector]) => matches(selector, topic)).map(([, route]) => route),
      )
      expect(router.match(topic)).toEqual(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('a removed route is gone, whatever was added and removed around it', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(selectors, fc.nat(2), fc.boolean()), { selector: ([a, b]) => `${a} ${b}` }),
      topics,
      (routes, topic) => {
        const router = new Router<number>()
        for (const [selector, route] of routes) router.add(selector, route)
        for (const [selector, route, isRemoved] of routes) if (isRemoved) router.remove(selector, route)
        const expected = routes.filter(([selector, , isRemoved]) => !isRemoved && matches(selector, topic))
        expect(router.match(topic)).toEqual(new Set(expected.map(([, route]) => route)))
      },
    ),
    { numRuns: 2_000 },
  )
})

test('what is removed leaves nothing behind, in any order', () => {
  fc.assert(
    fc.property(fc.array(selectors), fc.array(topics), fc.nat(), (patterns, names, seed) => {
      const router = new Router<string>()
      const all = [...patterns, ...names]
      for (const selector of all) router.add(selector, selector)
      const rotated = all.map((_, i) => all[(i + seed) % all.length]!)
      for (const selector of rotated) router.remove(selector, selector)
      expect(retained(router)).toEqual(retained(new Router<string>()))
    }),
  )
})

test('removing what was never added changes nothing', () => {
  const router = new Router<string>()
  router.add('a/*', 'kept')
  for (const selector of ['a', 'a/b', 'a/**', 'b/*', 'a/*/c', '**', '*']) router.remove(selector, 'kept')
  router.remove('a/*', 'other')
  expect([...router.match('a/x')]).toEqual(['kept'])
})

test('a match visits as many branches as its own segments reach, however many selectors there are', () => {
  const visitsAmong = (others: number): number => {
    const router = new Router<string>()
    router.add('orders/*', 'one')
    router.add('orders/42', 'two')
    for (let i = 0; i < others; i += 1) {
      router.add(`other/${i}/*`, 'x')
      router.add(`orders/${i + 100}/**`, 'y')
      router.add(`t${i}`, 'z')
    }
    expect(router.match('orders/42').size).toBe(2)
    return lookUpsOf(() => router.match('orders/42')).length
  }
  expect(visitsAmong(0)).toBeGreaterThan(0)
  expect(visitsAmong(5_000)).toBe(visitsAmong(0))
})

/** What is left in a router, as far as a look at it shows: the look-ups of a match, and the sizes of its maps. */
function retained(router: Router<string>): unknown {
  const found: unknown[] = []
  for (const topic of ['a', 'b', 'c', 'é', 'a/a', 'a/b/c', 'b/b', 'a/a/a/a', 'c/c/c/c/c']) {
    found.push(lookUpsOf(() => router.match(topic)))
  }
  return found
}

/** Which maps a task looks into, by their size, and for what. */
function lookUpsOf(task: () => void): { key: unknown; size: number }[] {
  const found: { key: unknown; size: number }[] = []
  const { get } = Map.prototype
  // The one way to see what is looked at without a hook in the code that is tested.
  // oxlint-disable-next-line no-extend-native
  Map.prototype.get = function (this: Map<unknown, unknown>, key: unknown): unknown {
    found.push({ key, size: this.size })
    return get.call(this, key)
  }
  try {
    task()
  } finally {
    // oxlint-disable-next-line no-extend-native
    Map.prototype.get = get
  }
  return found
}
