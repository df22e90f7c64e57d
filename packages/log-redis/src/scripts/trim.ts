import { Script } from '../script.ts'

/**
 * Takes or renews the right to apply retention. Arguments: epoch, seen, node, milliseconds. Answers `lease`, and
 * whether the node has it; or `replaced`.
 */
export const LEASE: Script = new Script(
  'lease',
  `
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local holder = call('GET', base .. 'lease')
if holder and holder ~= ARGV[3] then return {'lease', 0} end
call('SET', base .. 'lease', ARGV[3], 'PX', ARGV[4])
return {'lease', 1}
`,
  { whenFull: true },
)

/**
 * A step of retention for some topics, at most so much that nobody waits for long. The rules are those of `expire`
 * in @tailrace/log. Arguments: epoch, seen, now, the offset after which the first topic continues; then for each topic
 * its name, maxAgeMs, maxCount and maxBytes, which are empty if they do not apply. Answers `trimmed`, how many events
 * were removed, and how many topics are done; if not all, the offset after which the next one continues; or `replaced`.
 */
export const TRIM: Script = new Script(
  'trim',
  `
local MAX_EVENTS = 128
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local now, after = tonumber(ARGV[3]), tonumber(ARGV[4])
local examined, removed = 0, 0

local function remove(topic, row, offset, member, key)
  call('XDEL', base .. 'log', int(offset) .. '-0')
  call('ZREM', base .. 'events:' .. topic, member)
  if key then call('ZREM', base .. 'state:' .. topic, key) end
  row.trimmed = math.max(row.trimmed, offset)
end

-- Whether nothing more of the topic is to be removed now.
local function trim(topic, maxAge, maxCount, maxBytes)
  local row = rowOf(topic)
  if not row then return true end
  local cutoff = maxAge == '' and -math.huge or now - tonumber(maxAge)
  maxCount = tonumber(maxCount == '' and math.huge or maxCount)
  maxBytes = tonumber(maxBytes == '' and math.huge or maxBytes)
  local count = 0

  -- Examines the next events, as long as there may be something to remove.
  local function examine(limit)
    local members = call('ZRANGEBYSCORE', base .. 'events:' .. topic, '(' .. int(after), '+inf', 'LIMIT', 0, limit)
    for _, member in ipairs(members) do
      local offset, bytes, time = parse(member)
      local key = call('ZRANGEBYSCORE', base .. 'state:' .. topic, int(offset), int(offset))[1]
      local isAged = time < cutoff
      local isHistorySurplus = row.count > maxCount or row.bytes > maxBytes
      local isStateSurplus = row.state > maxBytes
      -- It was stored by a clock that was ahead, so it says nothing about the age of the events that follow.
      local isFromTheFuture = time > now and maxAge ~= ''
      examined = examined + 1
      if not isAged and not isHistorySurplus and not isStateSurplus and not isFromTheFuture then return true end
      after = offset
      if isAged or (key and isStateSurplus) or (not key and isHistorySurplus) then
        remove(topic, row, offset, member, key)
        count = count + 1
        if key then
          row.keys, row.state = row.keys - 1, row.state - bytes - #key - STATE_OVERHEAD
        else
          row.count, row.bytes = row.count - 1, row.bytes - bytes
        end
      end
    end
    return #members < limit
  end

  -- Most topics have nothing to remove, which their first event tells.
  local isDone = examine(1) or (examined < MAX_EVENTS and examine(MAX_EVENTS - examined))
  if count > 0 then
    removed = removed + count
    local lost = countLoss()
    call('HSET', base .. 'topic:' .. topic, 'count', row.count, 'bytes', int(row.bytes), 'keys', row.keys,
      'state', int(row.state), 'trimmed', int(row.trimmed), 'lost', lost)
    call('ZADD', base .. 'lossy', lost, topic)
    if row.count + row.keys == 0 then bury(topic, lost) end
  end
  return isDone
end

local done = 0
for at = 5, #ARGV, 4 do
  local isDone = trim(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  if isDone then done, after = done + 1, 0 end
  if not isDone or examined >= MAX_EVENTS then return {'trimmed', removed, done, after} end
end
return {'trimmed', removed, done, 0}
`,
  { whenFull: true },
)

/**
 * A step that removes what expires without a rule: events of purged topics, notes whose time is over, old records for
 * nodes. Arguments: epoch, seen, now. Answers `trimmed`, how many events were removed, and whether that was all; or
 * `replaced`.
 */
export const SWEEP: Script = new Script(
  'sweep',
  `
local MAX_EVENTS, MAX_NOTES = 256, 256
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local removed = 0
local purge = call('ZRANGE', base .. 'purges', 0, 0)[1]
if purge then
  local key = base .. 'purged:' .. purge
  for _, member in ipairs(call('ZRANGE', key, 0, MAX_EVENTS - 1)) do
    call('XDEL', base .. 'log', int(parse(member)) .. '-0')
    call('ZREM', key, member)
    removed = removed + 1
  end
  if call('EXISTS', key) == 0 then call('ZREM', base .. 'purges', purge) end
end
local notes = call('ZRANGEBYSCORE', base .. 'notes', '-inf', ARGV[3], 'LIMIT', 0, MAX_NOTES)
for _, note in ipairs(notes) do
  call('ZREM', base .. 'notes', note)
  call('ZREM', base .. 'note-names', note)
end
local isDone = #notes < MAX_NOTES and call('ZCARD', base .. 'purges') == 0
return {'trimmed', removed, isDone and 1 or 0}
`,
  { whenFull: true },
)

/**
 * A step that removes idempotency keys: those whose window is over, and a topic's oldest beyond its bytes. Arguments:
 * epoch, seen, the time before which windows are over; then for each topic its name, and maxBytes if that applies.
 * Answers `trimmed`, how many topics are done, and how many of these have keys left; or `replaced`.
 */
export const FORGET: Script = new Script(
  'forget',
  `
local MAX_RECORDS = 128
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local examined = 0

local function forget(topic, keys)
  local size = 0
  for _, key in ipairs(keys) do
    call('ZREM', base .. 'repeats:' .. topic, key)
    call('HDEL', base .. 'firsts:' .. topic, key)
    size = size + #key + RECORD_OVERHEAD
  end
  if size > 0 then call('ZINCRBY', base .. 'answered', -size, topic) end
  examined = examined + #keys
end

local done, left = 0, 0
for at = 4, #ARGV, 2 do
  local topic, maxBytes = ARGV[at], tonumber(ARGV[at + 1] == '' and math.huge or ARGV[at + 1])
  local repeats = base .. 'repeats:' .. topic
  forget(topic, call('ZRANGEBYSCORE', repeats, '-inf', ARGV[3], 'LIMIT', 0, MAX_RECORDS - examined))
  local surplus, keys = number(call('ZSCORE', base .. 'answered', topic)) - maxBytes, {}
  if surplus > 0 and examined < MAX_RECORDS then
    for _, key in ipairs(call('ZRANGE', repeats, 0, MAX_RECORDS - examined - 1)) do
      if surplus <= 0 then break end
      keys[#keys + 1] = key
      surplus = surplus - #key - RECORD_OVERHEAD
    end
    forget(topic, keys)
  end
  if examined >= MAX_RECORDS then return {'trimmed', done, left} end
  done = done + 1
  if call('EXISTS', repeats) == 1 then left = left + 1 else call('ZREM', base .. 'answered', topic) end
end
return {'trimmed', done, left}
`,
  { whenFull: true },
)
