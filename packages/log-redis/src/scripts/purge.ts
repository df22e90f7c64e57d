import { Script } from '../script.ts'

/** How many purges nodes find in the stream. A node that was away for longer learns of them from the rows of the topics. */
export const MAX_RECORDS = 1_000

/**
 * Puts all events of a topic out of reach, whatever their number, and tells the nodes. Retention removes them.
 * Arguments: epoch, seen, topic. Answers `purged` and the id of the record, `unknown`, or `replaced`.
 */
export const PURGE: Script = new Script(
  'purge',
  `
local isLog, newest = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
local topic, log, records = ARGV[3], base .. 'log', base .. 'records'
local row = rowOf(topic)
if not row or row.count + row.keys == 0 then return {'unknown'} end
local lost = countLoss()
local record = call('XADD', log, int(newest) .. '-*', 'purged', topic, 'through', int(row.newest))
call('ZADD', records, lost, record)
if call('ZCARD', records) > ${MAX_RECORDS} then
  local forgotten = call('ZRANGE', records, 0, 0)[1]
  call('XDEL', log, forgotten)
  call('ZREM', records, forgotten)
  call('HSET', base .. 'meta', 'forgotten', forgotten)
end
call('RENAME', base .. 'events:' .. topic, base .. 'purged:' .. lost)
call('ZADD', base .. 'purges', lost, lost)
call('UNLINK', base .. 'state:' .. topic)
call('HSET', base .. 'topic:' .. topic, 'count', 0, 'bytes', 0, 'keys', 0, 'state', 0,
  'trimmed', int(row.newest), 'purged', int(row.newest), 'lost', lost)
call('ZADD', base .. 'lossy', lost, topic)
bury(topic, lost)
return {'purged', record}
`,
  { whenFull: true },
)

/**
 * Reads which topics were purged. Arguments: epoch, seen, and where to continue, at first 0. Answers `purged`, where to
 * continue, or 0 at the end, and each topic with its last purged offset; or `replaced`.
 */
export const PURGED: Script = new Script(
  'purged',
  `
local MAX_TOPICS = 256
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local lost = call('ZRANGEBYSCORE', base .. 'lossy', '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, MAX_TOPICS)
local answer = {'purged', #lost == 2 * MAX_TOPICS and tonumber(lost[#lost]) or 0}
for i = 1, #lost, 2 do
  local purged = call('HGET', base .. 'topic:' .. lost[i], 'purged')
  if purged then
    answer[#answer + 1] = lost[i]
    answer[#answer + 1] = tonumber(purged)
  end
end
return answer
`,
)
