/**
 * What all scripts share. `base` is the start of every key:
 *
 * - `meta`: a hash: format, epoch, secret, server; newest (offset); losses (how often anything was removed); floor
 *   and floor-losses (what topics have lost whose rows are gone); passed (the stream begins with records up to it);
 *   large (the newest offset of an event of more than 64 KiB)
 * - `log`: the stream of all events. `<offset>-0` is an event, `<offset>-<n>` a record for nodes behind that event
 * - `topic:<topic>`: a hash, its row: count and bytes of history; keys and state (bytes) of the newest event of each
 *   key; newest, ended, trimmed, purged (offsets); lost (what `losses` was when it last lost something)
 * - `events:<topic>`: its offsets, each as `<offset>:<bytes>:<time>`; `state:<topic>`: its keys by newest offset
 * - `topics`: those that have events; `gone`: the rest of the rows, by `lost`; `lossy`: all that lost something, too
 * - `purged:<n>`: events of a purged topic that are still to be removed; `purges`: these numbers
 * - `records`: the records of purges in the stream; the last one that was removed is `forgotten` in `meta`
 * - `repeats:<topic>`, `firsts:<topic>`: idempotency keys by time, and their offsets; `answered`: their size by topic
 * - `holes`: stretches of offsets that were skipped, by their last one
 * - `notes`, `note-names`: notes by time, and by name; `lease`: the node that applies retention
 */
export const LIBRARY = `
local base = KEYS[1]
local call = redis.call

-- Lua would write large offsets as 1e+15.
local function int(number) return string.format('%.0f', number) end

local function places(id)
  local offset, place = string.match(id, '^(%d+)%-(%d+)$')
  return tonumber(offset), tonumber(place)
end

-- An entry of events:<topic>.
local function parse(member)
  local offset, bytes, time = string.match(member, '^(%d+):(%d+):(-?%d+)$')
  return tonumber(offset), tonumber(bytes), tonumber(time)
end

-- The size of the fields of an entry of the stream.
local function sizeOf(fields)
  local bytes = 0
  for i = 2, #fields, 2 do bytes = bytes + #fields[i] end
  return bytes
end

local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Whether this is still the log that the node has opened, and has not gone back in time.
local function isSame(epoch, seen)
  local meta = call('HMGET', base .. 'meta', 'epoch', 'newest')
  local newest = tonumber(meta[2])
  return meta[1] == epoch and newest ~= nil and newest >= tonumber(seen), newest
end

-- What the newest event of a key occupies in addition to its text.
local STATE_OVERHEAD = 64
-- The same for an idempotency key.
local RECORD_OVERHEAD = 64

local function number(value) return tonumber(value or 0) end

local function rowOf(topic)
  local row = call('HMGET', base .. 'topic:' .. topic, 'count', 'bytes', 'keys', 'state', 'newest', 'ended', 'trimmed', 'lost')
  if not row[1] then return nil end
  return {
    count = number(row[1]), bytes = number(row[2]), keys = number(row[3]), state = number(row[4]),
    newest = number(row[5]), ended = row[6], trimmed = number(row[7]), lost = number(row[8])
  }
end

local function countLoss() return call('HINCRBY', base .. 'meta', 'losses', 1) end

local MAX_GONE = 10000

-- A topic without events keeps its row, so that its loss is known. Too many are forgotten, the first ones first.
local function bury(topic, lost)
  call('ZREM', base .. 'topics', topic)
  call('ZADD', base .. 'gone', lost, topic)
  call('HDEL', base .. 'topic:' .. topic, 'ended')
  -- Until their events are removed, rows tell which ones were purged.
  if call('ZCARD', base .. 'gone') <= MAX_GONE or call('ZCARD', base .. 'purges') > 0 then return end
  local floor = number(call('HGET', base .. 'meta', 'floor'))
  for _, name in ipairs(call('ZRANGE', base .. 'gone', 0, 9)) do
    local row = rowOf(name)
    if row and row.trimmed > floor then floor = row.trimmed end
    call('ZREM', base .. 'gone', name)
    call('ZREM', base .. 'lossy', name)
    call('DEL', base .. 'topic:' .. name)
  end
  call('HSET', base .. 'meta', 'floor', int(floor), 'floor-losses', call('HGET', base .. 'meta', 'losses'))
end
`
