import { Budget } from '@tailrace/http/gate'
import { networkOf } from '@tailrace/hub'
import { describe, expect, test } from 'vitest'
import { clientAddress, parseProxies } from '../../src/limits/client-address.ts'
import { createLimits } from '../../src/limits/limits.ts'
import { LocalLedger } from '../../src/limits/ledger.ts'
import type { Grant } from '../../src/limits/ledger.ts'
import { Rate } from '../../src/limits/rate.ts'

const UNLIMITED = {
  streamsPerAddress: 0,
  streamsPerSubject: 0,
  topicsPerStream: 0,
  publishRate: 0,
  publishBytes: 0,
  proxies: parseProxies([]),
}

describe('a ledger', () => {
  const release = (grant: Grant): void => {
    if ('release' in grant) grant.release()
  }

  test('gives each key up to its bound, and takes it back once', () => {
    const ledger = new LocalLedger()
    const take = (key: string): Grant => ledger.take([{ key, max: 2 }])
    const first = take('a')
    take('a')
    expect(take('a')).toEqual({ exceeded: 0 })
    expect(take('b')).toHaveProperty('release')
    release(first)
    release(first)
    expect(take('a')).toHaveProperty('release')
    expect(take('a')).toEqual({ exceeded: 0 })
  })

  test('gives everything that is claimed together, or nothing', () => {
    const ledger = new LocalLedger()
    const [address, subject] = [
      { key: 'address', max: 2 },
      { key: 'subject', max: 1 },
    ]
    const both = ledger.take([address, subject])
    expect(ledger.take([address, subject])).toEqual({ exceeded: 1 })
    expect(ledger.take([address])).toHaveProperty('release')
    release(both)
    expect(ledger.take([address, subject])).toHaveProperty('release')
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

test('an address asks for as many pages at a time as it may have streams, beside those', async () => {
  const limits = createLimits({ ...UNLIMITED, streamsPerAddress: 2 })
  const client = { address: '1.2.3.4' }
  await limits.openStream(client, 1)
  await limits.openStream(client, 1)
  const release = await limits.openPage(client)
  await limits.openPage(client)
  expect(() => limits.openPage(client)).toThrow('Too many history requests')
  release()
  expect(() => limits.openPage(client)).not.toThrow()
})

test('all addresses of an IPv6 network of 64 bits are counted as one', async () => {
  const limits = createLimits({ ...UNLIMITED, streamsPerAddress: 1, publishRate: 1 })
  const clientAt = (address: string) => ({ address, subject: undefined })
  await limits.openStream(clientAt('2001:db8::1'), 1)
  expect(() => limits.openStream(clientAt('2001:db8::ffff:1'), 1)).toThrow('--max-streams-per-address')
  await limits.openStream(clientAt('2001:db8:0:1::1'), 1)
  await limits.openStream(clientAt('192.0.2.1'), 1)
  await limits.openStream(clientAt('192.0.2.2'), 1)
  limits.charge(clientAt('2001:db8::1'), 100, 0)
  expect(() => limits.requireRate(clientAt('2001:db8::2'))).toThrow('--publish-rate')
  limits.requireRate(clientAt('2001:db8:0:1::1'))
  const holding = limits.bodies.open('2001:db8::1')
  holding.add(limits.bodies.maxBytes / 2)
  expect(() => limits.bodies.open('2001:db8::2').add(1)).toThrow('half used by this address')
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::', 'fe80:0:0:0::/64'],
  ['', ''],
])('%s is counted as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
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
