import type { Fleet } from '../fleet.ts'
import { centrifugoOnRedis } from './centrifugo.ts'
import { kafka, kafkaFlushed } from './kafka.ts'
import { nats } from './nats.ts'
import { nchanOnRedis } from './nchan.ts'
import { postgres } from './postgres.ts'
import { redis } from './redis.ts'

/** In the order of the tables. */
export const fleets: readonly Fleet[] = [
  redis,
  postgres,
  nats,
  kafka,
  kafkaFlushed,
  centrifugoOnRedis,
  nchanOnRedis,
]
