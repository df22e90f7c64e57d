import { Script } from '../script.ts'

/**
 * Puts all events of a topic out of reach, whatever their number, and tells the nodes. Retention removes them.
 * Arguments: epoch, seen, topic. Answers `purged` and the id of the record, `unknown`, or `replaced`.
 */
export const PURGE: Script = new Script(
  'purge',
  `
local isLog, newest = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
local topic = ARGV[3]
local row = rowOf(topic)
if not row or row.count + row.keys == 0 then return {'unknown'} end
local lost = countLoss()
local record = call('XADD', base .. 'log', int(newest) .. '-*', 'purged', topic, 'through', int(row.newest))
call('RENAME', base .. 'events:' .. topic, base .. 'purged:' .. lost)
call('ZADD', base .. 'purges', lost, lost)
call('UNLINK', base .. 'state:' .. topic)
call('HSET', base .. 'topic:' .. topic, 'count', 0, 'bytes', 0, 'keys', 0, 'state', 0,
  'trimmed', int(row.newest), 'purged', int(row.newest), 'lost', lost)
call('ZADD', base .. 'lossy', lost, topic)
bury(topic, lost)
return {'purged', record}
`,
)
