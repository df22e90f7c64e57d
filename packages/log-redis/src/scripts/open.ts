import { Script } from '../script.ts'

/** What this version writes, and the only one that it reads. */
export const FORMAT = 1

/**
 * How many offsets are skipped when another server has the log, or the same one has been restarted. It must be more
 * than what can have been lost: then an offset in the hole proves that an event was lost, and no offset is given twice.
 */
export const HOLE: number = 2 ** 32

/**
 * Opens the log for a node, creates it if there is none, and decides whether it is the log that it was.
 *
 * A server that was restarted from an older file, or a replica that takes over, may lack events that were acknowledged.
 * The first node that notices the other server skips some offsets. A node that knows of an offset beyond its newest
 * one, or in the hole, has the proof that something was lost: it gives the log a new epoch. So does a node that
 * knows nothing, on a server that may have lost something: nobody may be left who knows.
 *
 * Arguments: the epoch that the node knows or nothing, the largest offset that it knows, the server, whether that may
 * lose acknowledged events, a new epoch, a new secret. Answers `open`, epoch, newest; `replaced`; `foreign` and a key;
 * `incompatible` and a format; `corrupt` and an id; or `exhausted`.
 */
export const OPEN: Script = new Script(
  'open',
  `
local known, seen, server, mayLose, freshEpoch, freshSecret = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4] == '1', ARGV[5], ARGV[6]
local FORMAT, HOLE, MAX_HOLES = '${FORMAT}', ${HOLE}, 1000
local meta, log = base .. 'meta', base .. 'log'
local expected = {
  meta = 'hash', log = 'stream', topics = 'zset', gone = 'zset', lossy = 'zset', purges = 'zset', answered = 'zset',
  holes = 'zset', notes = 'zset', ['note-names'] = 'zset', records = 'zset', lease = 'string'
}
local isNew = call('EXISTS', meta) == 0
for name, kind in pairs(expected) do
  local found = call('TYPE', base .. name).ok
  if found ~= 'none' and (found ~= kind or (isNew and name ~= 'lease')) then
    if isNew and known ~= '' then return {'replaced'} end
    return {'foreign', base .. name}
  end
end

if isNew then
  if known ~= '' then return {'replaced'} end
  call('XADD', log, '0-1', 'created', freshEpoch)
  call('HSET', meta, 'format', FORMAT, 'epoch', freshEpoch, 'secret', freshSecret, 'server', server,
    'newest', 0, 'losses', 0, 'floor', 0, 'floor-losses', 0)
  return {'open', freshEpoch, 0}
end

local values = call('HMGET', meta, 'format', 'epoch', 'newest', 'server', 'losses', 'secret')
local format, epoch, newest = values[1], values[2], tonumber(values[3] or '')
if not format then return {'foreign', meta} end
if format ~= FORMAT then return {'incompatible', format} end
if known ~= '' and epoch ~= known then return {'replaced'} end
if not newest or not values[6] then return {'foreign', meta} end
local last = call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
if last and places(last[1]) > newest then return {'corrupt', last[1]} end

local function isSkipped(offset)
  local hole = call('ZRANGEBYSCORE', base .. 'holes', '(' .. int(offset), '+inf', 'LIMIT', 0, 1)[1]
  return hole and tonumber(string.match(hole, '^%d+')) < offset
end

local isOther = values[4] ~= server
local isProven = known ~= '' and (seen > newest or isSkipped(seen))
if not isOther and not isProven and epoch then return {'open', epoch, newest} end

local isUnsure = isOther and known == '' and mayLose
if isProven or isUnsure or not epoch then epoch = freshEpoch end
local to = math.max(newest, seen) + HOLE
if to + HOLE > 9007199254740991 then return {'exhausted'} end
local losses = countLoss()
call('ZADD', base .. 'holes', int(to), int(newest) .. ':' .. losses)
call('ZREMRANGEBYRANK', base .. 'holes', 0, -MAX_HOLES - 1)
call('XADD', log, int(to) .. '-1', 'continued', epoch)
call('HSET', meta, 'newest', int(to), 'server', server, 'epoch', epoch)
if isProven then return {'replaced'} end
return {'open', epoch, to}
`,
  { whenFull: true },
)
