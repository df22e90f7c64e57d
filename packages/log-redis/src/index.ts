export { openRedisLog, type RedisLogOptions } from './redis-log.ts'
