import { createTopicsV7, deleteRecordsV2, describeConfigsV4, fetchV13 } from '@platformatic/kafka'
import { listOffsetsV7, metadataV12, produceV9 } from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'

import { assertSupported } from '../src/versions.ts'

const APIS = [
  createTopicsV7,
  deleteRecordsV2,
  describeConfigsV4,
  fetchV13,
  listOffsetsV7,
  metadataV12,
  produceV9,
]

/** What a broker answers that has all the requests, with other versions of one of them. */
function offer(name: string, minVersion: number, maxVersion: number) {
  const ranges = APIS.map(({ api }) => ({ apiKey: api.key, name: '', minVersion: 0, maxVersion: 20 }))
  return [{ apiKey: { Fetch: 1, Produce: 0 }[name]!, name, minVersion, maxVersion }, ...ranges]
}

describe('the version of a Kafka broker', () => {
  test('is one that has every request of this package', () => {
    expect(() => assertSupported(offer('Fetch', 4, 17), 'b:9092')).not.toThrow()
  })

  test('may be too old', () => {
    const act = (): void => assertSupported(offer('Fetch', 0, 12), 'b:9092')
    expect(act).toThrow(expect.objectContaining({ code: 'incompatible' }))
    expect(act).toThrow(
      'The Kafka broker b:9092 does not support Fetch requests of version 13. Tailrace needs',
    )
  })

  test('may be newer than this package knows', () => {
    expect(() => assertSupported(offer('Produce', 10, 14), 'b:9092')).toThrow('update @tailrace/log-kafka')
  })
})
