import { Script } from '../script.ts'

/**
 * Proves that the log can be written and read: runs every command of the other scripts on keys of its own. A script
 * that were refused one of them later would leave its work half done.
 */
export const PROBE: Script = new Script(
  'probe',
  `
local one, other = base .. 'probe', base .. 'probed'
call('DEL', one, other)
call('TIME')
call('EXISTS', one)
call('TYPE', one)
call('XADD', one, '1-1', 'probe', '')
call('XADD', one, '1-*', 'probe', '')
call('XRANGE', one, '-', '+')
call('XREVRANGE', one, '+', '-')
call('XDEL', one, '1-1')
call('RENAME', one, other)
call('UNLINK', other)
call('HSET', one, 'probe', 1)
call('HINCRBY', one, 'probe', 1)
call('HGET', one, 'probe')
call('HMGET', one, 'probe')
call('HDEL', one, 'probe')
call('ZADD', one, 1, 'probe')
call('ZINCRBY', one, 1, 'probe')
call('ZCARD', one)
call('ZSCORE', one, 'probe')
call('ZRANGE', one, 0, 1)
call('ZRANGEBYSCORE', one, 0, 1)
call('ZRANGEBYLEX', one, '-', '+')
call('ZREM', one, 'none')
call('ZREMRANGEBYRANK', one, 0, 9)
call('SET', one, '', 'PX', 1)
call('GET', one)
call('DEL', one)
return {'probed'}
`,
  { whenFull: true },
)
