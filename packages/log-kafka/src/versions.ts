import {
  createTopicsV7,
  deleteRecordsV2,
  describeConfigsV4,
  fetchV13,
  listOffsetsV7,
  metadataV12,
  produceV9,
} from '@platformatic/kafka'
import { LogError } from '@tailrace/log'

/** The requests of this package, in the versions that Kafka 3.1 brought or already had, and that 4 has kept. */
const NEEDED = [
  createTopicsV7.api,
  deleteRecordsV2.api,
  describeConfigsV4.api,
  fetchV13.api,
  listOffsetsV7.api,
  metadataV12.api,
  produceV9.api,
]

interface Range {
  readonly apiKey: number
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
}

/** @throws LogError `incompatible` */
export function assertSupported(offered: readonly Range[], server: string): void {
  for (const { key, version } of NEEDED) {
    const range = offered.find(({ apiKey }) => apiKey === key)
    if (range !== undefined && range.minVersion <= version && version <= range.maxVersion) continue
    const isNewer = range !== undefined && version < range.minVersion
    const remedy = isNewer
      ? 'It is newer than this package knows; update @tailrace/log-kafka.'
      : 'Tailrace needs Apache Kafka 3.1 or newer.'
    const name = range === undefined ? `request ${key}` : `${range.name} requests of version ${version}`
    throw new LogError('incompatible', `The Kafka broker ${server} does not support ${name}. ${remedy}`)
  }
}
