import { Budget } from '@tailrace/http/gate'
import { describe, expect, test } from 'vitest'
import { clientAddress, parseProxies } from '../../src/limits/client-address.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { Quota } from '../../src/limits/quota.ts'
import { Rate } from '../../src/limits/rate.ts'

describe('a quota', () => {
  test('is given up to its bound, to each key, and given back once', () => {
    const quota = new Quota(2)
    const first = quota.take('a')!
    quota.take('a')
    expect(quota.take('a')).toBeUndefined()
    expect(quota.take('b')).toBeDefined()
    first()
    first()
    expect(quota.take('a')).toBeDefined()
    expect(quota.take('a')).toBeUndefined()
  })
})

describe('a rate', () => {
  test('lets a key spend a second ahead, and then as it earns', () => {
    let now = 0
    const rate = new Rate(10, () => now)
    rate.spend('a', 10)
    expect(rate.waitMs('a')).toBe(100)
    expect(rate.waitMs('b')).toBe(0)
    now = 150
    expect(rate.waitMs('a')).toBe(0)
    rate.spend('a', 1_000)
    expect(rate.waitMs('a')).toBeGreaterThan(99_000)
    now = 1e9
    rate.spend('a', 10)
    expect(rate.waitMs('a')).toBe(100)
  })
})

describe('a budget', () => {
  test('gives one address half, and all addresses no more than there is', () => {
    const budget = new Budget('max-bodies', 100)
    const first = budget.open('a')
    first.add(50)
    expect(() => budget.open('a').add(1)).toThrow('is half used by this address')
    expect(() => budget.open('a').requireRoom(1)).toThrow('--max-bodies')
    budget.open('b').add(50)
    expect(() => budget.open('c').add(1)).toThrow('is all in use')
    first.release()
    first.release()
    first.add(50)
    expect(budget.used).toBe(50)
    budget.open('a').add(50)
    expect(budget.used).toBe(100)
  })
})

test('an address asks for as many pages at a time as it may have streams, beside those', () => {
  const limits = createLimits({
    streamsPerAddress: 2,
    streamsPerSubject: 0,
    topicsPerStream: 0,
    publishRate: 0,
    publishBytes: 0,
    proxies: parseProxies([]),
  })
  const client = { address: '1.2.3.4' }
  limits.openStream(client, 1)
  limits.openStream(client, 1)
  const release = limits.openPage(client)
  limits.openPage(client)
  expect(() => limits.openPage(client)).toThrow('Too many history requests')
  release()
  expect(() => limits.openPage(client)).not.toThrow()
})

describe('where a request came from', () => {
  const proxies = parseProxies(['10.0.0.0/8', '::1'])
  test.each([
    ['no proxy', '1.2.3.4', undefined, '1.2.3.4'],
    ['a header of who is no proxy', '1.2.3.4', '9.9.9.9', '1.2.3.4'],
    ['a proxy', '10.0.0.1', '1.2.3.4', '1.2.3.4'],
    ['two proxies', '::1', '1.2.3.4, 10.9.9.9', '1.2.3.4'],
    ['a forged beginning', '10.0.0.1', '6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['a proxy that says nothing', '10.0.0.1', undefined, '10.0.0.1'],
    ['nonsense', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['a socket for both families', '::ffff:10.0.0.1', '::ffff:1.2.3.4', '1.2.3.4'],
  ])('%s', (_, remote, forwardedFor, expected) => {
    expect(clientAddress(remote, forwardedFor, proxies)).toBe(expected)
  })

  test('of a very long row of proxies, the last sixteen are looked at', () => {
    const hops = (count: number): string => ['1.2.3.4', ...Array(count).fill('10.0.0.2')].join(', ')
    expect(clientAddress('10.0.0.1', hops(15), proxies)).toBe('1.2.3.4')
    expect(clientAddress('10.0.0.1', hops(16), proxies)).toBe('10.0.0.2')
  })

  test.each(['10.0.0.0/33', '10.0.0/8', 'localhost', '10.0.0.0/', '10.0.0.0/8/8'])(
    '%s is no network',
    (text) => {
      expect(() => parseProxies([text])).toThrow(RangeError)
    },
  )
})
