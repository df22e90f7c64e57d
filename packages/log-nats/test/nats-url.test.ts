import { expect, test } from 'vitest'

import { parseNatsUrl } from '../src/nats-url.ts'

const PLAIN = {
  servers: ['localhost:4222'],
  usesTls: false,
  user: undefined,
  password: undefined,
  stream: 'tailrace',
  replicas: undefined,
  index: undefined,
  isSynced: false,
}

test.each([
  ['nats://localhost', PLAIN],
  ['nats://localhost/', PLAIN],
  ['nats+tls://localhost', { ...PLAIN, usesTls: true }],
  ['nats://a:1,b,[::1]:2/orders', { ...PLAIN, servers: ['a:1', 'b:4222', '[::1]:2'], stream: 'orders' }],
  ['nats://ann:p%40ss%3A%2F@localhost', { ...PLAIN, user: 'ann', password: 'p@ss:/' }],
  ['nats://token@localhost', { ...PLAIN, user: 'token' }],
  [
    'nats://localhost?replicas=3&sync=always&index=/var/lib/tailrace',
    { ...PLAIN, replicas: 3, isSynced: true, index: '/var/lib/tailrace' },
  ],
])('understands %s', (url, address) => {
  expect(parseNatsUrl(url)).toEqual(address)
})

test('prefers a password that is not in the URL', () => {
  expect(parseNatsUrl('nats://ann:old@localhost', 'new')).toMatchObject({ user: 'ann', password: 'new' })
})

test.each([
  ['http://localhost', 'must look like'],
  ['nats://', 'must look like'],
  ['nats://localhost/a/b', 'names a stream'],
  ['nats://localhost/a.b', 'names a stream'],
  ['nats://localhost:0', 'host:port'],
  ['nats://localhost:70000', 'host:port'],
  ['nats://a,,b', 'host:port'],
  ['nats://localhost?replica=3', 'accepts only index, replicas, sync in its query, not replica'],
  ['nats://localhost?replicas=6', '1 to 5 replicas'],
  ['nats://localhost?sync=yes', 'no other sync than always'],
  ['nats://ann:%zz@localhost', 'not percent-encoded'],
])('refuses %s', (url, reason) => {
  expect(() => parseNatsUrl(url)).toThrow(RangeError)
  expect(() => parseNatsUrl(url)).toThrow(reason)
})

test.each([
  'http://ann:hunter2@localhost',
  'nats://ann:hunter2@localhost?x=1',
  'nats://ann:hunter2%zz@localhost',
])('keeps the password of %s to itself', (url) => {
  expect(() => parseNatsUrl(url)).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
  )
})
