import { join } from 'node:path'
import type { Place } from '../../peer.ts'
import { startKafkaEngine } from '../engines/kafka.ts'
import type { Fleet } from '../fleet.ts'
import { tailraceOn } from './tailrace.ts'

/** It downloads the broker. */
const PROVISION = join(import.meta.dirname, '../../../scripts/provision-kafka.sh')

const facts = {
  needs: 'kafka',
  bare: 'kafka',
  versionCommand: ['grep', '^version=', PROVISION],
  query: ({ dir }: Place) => `?index=${dir}/index`,
} as const

export const kafka: Fleet = tailraceOn({
  ...facts,
  name: 'kafka',
  title: 'Tailrace on Kafka',
  stored: 'in the page cache',
  durability:
    'one broker, acks=all, no flush: survives the death of the broker, not of the machine: brokers rely on replicas',
  startEngine: () => startKafkaEngine({ isFlushed: false }),
})

export const kafkaFlushed: Fleet = tailraceOn({
  ...facts,
  name: 'kafka-flushed',
  isVariant: true,
  title: 'Tailrace on Kafka, flushed',
  stored: 'on disk',
  durability:
    'one broker, acks=all, flush.messages=1: each event is on disk before it is acknowledged or seen',
  startEngine: () => startKafkaEngine({ isFlushed: true }),
})
