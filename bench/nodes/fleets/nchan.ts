import { nchan, startNchan } from '../../peers/nchan.ts'
import { startRedisEngine } from '../engines/redis.ts'
import type { Fleet } from '../fleet.ts'

export const nchanOnRedis: Fleet = {
  name: 'nchan',
  title: 'Nchan on Redis',
  stored: 'on disk',
  durability: 'nchan_redis_url: keys in the same Redis, which expire after 10 minutes',
  resumes: false,
  version: nchan.version,
  startEngine: startRedisEngine,
  startNode: (place, { port }) => startNchan(place, port),
  subscribe: nchan.subscribe,
  publish: nchan.publish,
}
