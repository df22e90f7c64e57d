import { centrifugo, startCentrifugo } from '../../peers/centrifugo.ts'
import { startRedisEngine } from '../engines/redis.ts'
import type { Fleet } from '../fleet.ts'

export const centrifugoOnRedis: Fleet = {
  name: 'centrifugo',
  title: 'Centrifugo on Redis',
  stored: 'nowhere',
  durability: 'none: PUB/SUB of the same Redis, without history, which is the default',
  resumes: false,
  version: centrifugo.version,
  startEngine: startRedisEngine,
  startNode: (place, { port }) => startCentrifugo(place, port),
  subscribe: centrifugo.subscribe,
  publish: centrifugo.publish,
}
