import { isIP, SocketAddress } from 'node:net'
import { isLoopback } from '@tailrace/http/gate'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { fuzz, FUZZ } from '../../../http/test/hostile/fuzz.ts'
import { noise } from '../../../http/test/hostile/noise.ts'
import { clientAddress, parseProxies } from '../../src/limits/client-address.ts'

const proxies = parseProxies(['10.0.0.0/8', '::1', '2001:db8::/32'])
const outside = fc
  .oneof(fc.ipV4(), fc.ipV6())
  .filter(
    (address) =>
      !address.startsWith('10.') &&
      !/^(2001:0*db8:|::1$)/i.test(address) &&
      !address.includes('.') === !isIPv4(address),
  )
const hop = fc.oneof(
  noise,
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(
    '10.0.0.1',
    '127.0.0.1',
    'unknown',
    '_hidden',
    '1.2.3.4:80',
    '[::1]',
    '::1%lo',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '0x7f.1',
    '١.٢.٣.٤',
    '1.2.3.4.5',
  ),
)
const hops = fc.array(hop, { maxLength: 5 }).map((all) => all.join(', '))

test('what a client writes into X-Forwarded-For moves it to no other address', FUZZ, async () => {
  await fuzz(
    fc.property(hops, outside, (forged, real) => {
      // It came here itself: its word counts for nothing.
      expect(clientAddress(real, forged, proxies)).toBe(plain(real))
      // It came through a proxy of ours, which wrote behind what the client had written.
      expect(clientAddress('10.1.2.3', forged === '' ? real : `${forged}, ${real}`, proxies)).toBe(
        plain(real),
      )
    }),
    4_000,
  )
})

test.each([
  ['203.0.113.9:5678', '203.0.113.9'],
  ['[2001:db9::1]:99', '2001:db9::1'],
  ['[2001:db9::1]', '2001:db9::1'],
  ['2001:0DB9:0:0::0001', '2001:db9::1'],
  ['::ffff:cb00:7109', '203.0.113.9'],
  ['[::ffff:203.0.113.9]:80', '203.0.113.9'],
  ['198.51.100.1, [2001:db8::5]:443', '198.51.100.1'],
  ['203.0.113.9:', '10.1.2.3'],
  ['203.0.113.9:1:2', '10.1.2.3'],
  ['[203.0.113.9:80', '10.1.2.3'],
  ['[]:80', '10.1.2.3'],
])('a proxy that says %s means %s', (said, expected) => {
  expect(clientAddress('10.1.2.3', said, proxies)).toBe(expected)
})

test('an address is an address, whatever the header of a proxy is', FUZZ, async () => {
  await fuzz(
    fc.property(hops, (text) => {
      const address = clientAddress('10.1.2.3', text, proxies)
      expect(isIP(address)).toBeGreaterThan(0)
      isLoopback(address)
    }),
    4_000,
  )
})

function isIPv4(address: string): boolean {
  return isIP(address) === 4
}

/** In the one spelling that sockets have; IPv4 over a socket for both families as IPv4. */
function plain(address: string): string {
  if (isIP(address) !== 6) return address
  return new SocketAddress({ address, family: 'ipv6' }).address.replace(/^::ffff:(?=[0-9.]+$)/i, '')
}
