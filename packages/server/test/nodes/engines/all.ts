import type { Engine } from '../engine.ts'
import { kafka } from './kafka.ts'
import { nats } from './nats.ts'
import { postgres } from './postgres.ts'
import { redis } from './redis.ts'

export const ENGINES: readonly Engine[] = [redis, postgres, nats, kafka]
