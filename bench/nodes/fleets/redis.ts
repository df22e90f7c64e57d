import { startRedisEngine } from '../engines/redis.ts'
import type { Fleet } from '../fleet.ts'
import { tailraceOn } from './tailrace.ts'

export const redis: Fleet = tailraceOn({
  name: 'redis',
  needs: 'redis',
  bare: 'redis',
  title: 'Tailrace on Redis',
  stored: 'on disk',
  durability: 'appendonly yes, appendfsync always: each event is on disk before it is acknowledged or seen',
  versionCommand: ['redis-server', '--version'],
  startEngine: startRedisEngine,
})
