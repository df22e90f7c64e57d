import { describe, expect, test } from 'vitest'

import { parseKafkaUrl } from '../src/kafka-url.ts'

describe('the URL of a Kafka log', () => {
  test('needs only a host', () => {
    expect(parseKafkaUrl('kafka://broker')).toEqual({
      servers: [{ host: 'broker', port: 9092 }],
      usesTls: false,
      credentials: undefined,
      topic: 'tailrace',
      replicas: undefined,
      index: undefined,
    })
  })

  test('names several brokers, a topic, a user, and options', () => {
    const url = 'kafka+tls://app:p%40ss@b1:9093,[::1]:9094/my.topic?replicas=3&sasl=plain&index=/var/lib/x'
    expect(parseKafkaUrl(url)).toEqual({
      servers: [
        { host: 'b1', port: 9093 },
        { host: '::1', port: 9094 },
      ],
      usesTls: true,
      credentials: { mechanism: 'PLAIN', user: 'app', password: 'p@ss' },
      topic: 'my.topic',
      replicas: 3,
      index: '/var/lib/x',
    })
  })

  test('leaves the password to a separate option', () => {
    for (const url of ['kafka://app@b', 'kafka://app:other@b']) {
      expect(parseKafkaUrl(url, 'secret').credentials).toEqual({
        mechanism: 'SCRAM-SHA-512',
        user: 'app',
        password: 'secret',
      })
    }
  })

  test.each([
    ['redis://b', 'must look like'],
    ['kafka://', 'must look like'],
    ['kafka://b:0', 'host:port'],
    ['kafka://b:99999', 'host:port'],
    ['kafka://b,/t', 'host:port'],
    ['kafka://b/a b', 'names a topic'],
    ['kafka://b/a/b', 'names a topic'],
    ['kafka://b/..', 'names a topic'],
    ['kafka://b?replicas=0', 'replicas'],
    ['kafka://b?replicas=two', 'replicas'],
    ['kafka://app:s3cret@b?sasl=GSSAPI', 'PLAIN, SCRAM-SHA-256, SCRAM-SHA-512'],
    ['kafka://b?sasl=PLAIN', 'needs a user'],
    ['kafka://app@b', 'needs a user and a password'],
    ['kafka://:s3cret@b', 'needs a user and a password'],
    ['kafka://app:s3cret%@b', 'percent-encoded'],
    ['kafka://app:s3cret@b?acks=0', 'accepts only index, replicas, sasl in its query, not acks'],
  ])('is refused with the reason, and without its password: %s', (url, reason) => {
    expect(() => parseKafkaUrl(url)).toThrow(RangeError)
    expect(() => parseKafkaUrl(url)).toThrow(reason)
    expect(() => parseKafkaUrl(url)).not.toThrow('s3cret')
  })
})
