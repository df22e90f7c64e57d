import { Script } from '../script.ts'

/**
 * Appends batches, each of which is stored or refused as a whole: the idempotency of its events, the ends of its
 * topics, the events, and all indexes.
 *
 * Everything about a batch is read, and refused, before anything of it is written: Redis does not undo what a script
 * has written.
 *
 * Arguments: epoch, seen, time, window, the number of batches and how many events each has; then those of
 * `toArguments` for each event. Answers `appended`, and for each batch the offset of each event, negative for a repeat; or
 * `ended` and the index of an event; or `foreign` and a key. Or `replaced` or `corrupt`, for all of them.
 */
export const APPEND: Script = new Script(
  'append',
  `
local isLog, newest = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
local time, window, count = clock(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local timeText, log = int(time), base .. 'log'
local offset, topics, from = newest, {}, 6 + count

local function next()
  from = from + 1
  return ARGV[from - 1]
end

-- What flags stand for: the fields of an entry, whose values follow in this order.
local FIELDS = {k = 'key', y = 'type', p = 'traceparent', s = 'tracestate'}

local function parseEvent()
  local event = {topic = next()}
  local flags = next()
  event.data = next()
  if flags == '' then return event end
  event.fields = {'topic', event.topic, 'time', timeText, 'data', event.data}
  local fields = event.fields
  for flag in string.gmatch(flags, '.') do
    if flag == 'o' then
      event.once = next()
    elseif flag == 'r' or flag == 'e' then
      fields[#fields + 1] = flag == 'r' and 'remove' or 'end'
      fields[#fields + 1] = '1'
      event[flag == 'r' and 'remove' or 'ends'] = true
    else
      fields[#fields + 1] = FIELDS[flag]
      fields[#fields + 1] = next()
      if flag == 'k' then event.key = fields[#fields] end
    end
  end
  return event
end

local floor

local function topicOf(name)
  local topic = topics[name]
  if topic then return topic end
  local index, state = base .. 'events:' .. name, base .. 'state:' .. name
  topic = rowOf(name)
  if topic then
    topic.isLive = topic.count + topic.keys > 0
  else
    if call('EXISTS', index, state) > 0 then return nil, call('EXISTS', index) == 1 and index or state end
    floor = floor or call('HMGET', base .. 'meta', 'floor', 'floor-losses')
    topic = {count = 0, bytes = 0, keys = 0, state = 0, trimmed = floor[1], lost = floor[2], isNew = true}
  end
  topic.indexKey, topic.stateKey = index, state
  -- What is written at the end: new members of the index; the newest offset of each key, or false; idempotency keys.
  topic.index, topic.newestOf, topic.repeats, topic.firsts, topic.answered = {}, {}, {}, {}, 0
  topics[name] = topic
  return topic
end

-- Tails read more carefully when larger events are before them.
local LARGE = 65536
local firsts, sizes, large = {}, {}, nil

-- The offset of the first event with an idempotency key, if it is known.
local function firstOf(event, name)
  if firsts[name] then return firsts[name] end
  local at = call('ZSCORE', base .. 'repeats:' .. event.topic, event.once)
  event.isKnown = at ~= false
  if at and tonumber(at) > time - window then
    return tonumber(call('HGET', base .. 'firsts:' .. event.topic, event.once))
  end
end

-- The newest event of a key.
local function newestOf(topic, key)
  local at = topic.newestOf[key]
  if at == nil then at = tonumber(call('ZSCORE', topic.stateKey, key) or '') or false end
  return at
end

local function sizeAt(topic, at)
  if sizes[at] then return sizes[at] end
  local _, size = parse(call('ZRANGEBYSCORE', topic.indexKey, int(at), int(at))[1])
  return size
end

local function push(list, one, other)
  list[#list + 1] = one
  list[#list + 1] = other
end

-- Why a batch is refused.
local function check(events)
  local claimed, ends = {}, {}
  for index, event in ipairs(events) do
    if event.once then
      local name = event.topic .. '\\n' .. event.once
      event.earlier = claimed[name]
      if not event.earlier then
        claimed[name] = event
        event.first = firstOf(event, name)
      end
    end
    if not event.first and not event.earlier then
      local topic, foreign = topicOf(event.topic)
      if not topic then return {'foreign', foreign} end
      if topic.ended or ends[event.topic] then return {'ended', index - 1} end
      ends[event.topic] = event.ends
    end
  end
end

local function store(event)
  local topic, bytes, id = topics[event.topic], #event.data, int(offset + 1)
  local added
  if event.fields then
    added = redis.pcall('XADD', log, id .. '-0', unpack(event.fields))
  else
    added = redis.pcall('XADD', log, id .. '-0', 'topic', event.topic, 'time', timeText, 'data', event.data)
  end
  if type(added) == 'table' and added.err then return added end
  offset = offset + 1
  push(topic.index, id, id .. ':' .. bytes .. ':' .. timeText)

  local isNewest = event.key and not event.remove
  if event.key then
    topic.hasState, sizes[offset] = true, bytes
    local old = newestOf(topic, event.key)
    if old then
      local size = sizeAt(topic, old)
      topic.keys, topic.state = topic.keys - 1, topic.state - size - #event.key - STATE_OVERHEAD
      topic.count, topic.bytes = topic.count + 1, topic.bytes + size
    end
    topic.newestOf[event.key] = isNewest and offset
  end
  if isNewest then
    topic.keys, topic.state = topic.keys + 1, topic.state + bytes + #event.key + STATE_OVERHEAD
  else
    topic.count, topic.bytes = topic.count + 1, topic.bytes + bytes
  end

  if event.once then
    firsts[event.topic .. '\\n' .. event.once] = offset
    push(topic.repeats, timeText, event.once)
    push(topic.firsts, event.once, id)
    if not event.isKnown then topic.answered = topic.answered + #event.once + RECORD_OVERHEAD end
  end
  topic.newest, topic.isChanged = offset, true
  if bytes > LARGE then large = id end
  if event.ends then topic.ended = id end
end

local answer = {'appended'}
for batch = 1, count do
  local events = {}
  for index = 1, tonumber(ARGV[5 + batch]) do events[index] = parseEvent() end
  local result = check(events)
  if not result then
    result = {}
    for index, event in ipairs(events) do
      if event.earlier then event.first = math.abs(event.earlier.result) end
      if event.first then
        event.result = -event.first
      else
        local failed = store(event)
        if failed then
          -- Only the first write can fail, because of what Redis lacks, or of an entry that the log did not write.
          if string.find(failed.err, 'equal or smaller', 1, true) then return {'corrupt'} end
          return failed
        end
        event.result = offset
      end
      result[index] = event.result
    end
  end
  answer[#answer + 1] = result
end

-- Lua cannot pass on more than a few thousand at once.
local MAX_ARGUMENTS = 1000

local function write(command, key, list)
  for first = 1, #list, MAX_ARGUMENTS do
    call(command, key, unpack(list, first, math.min(first + MAX_ARGUMENTS - 1, #list)))
  end
end

local live, revived = {}, {}
for name, topic in pairs(topics) do
  if topic.isChanged then
    write('ZADD', topic.indexKey, topic.index)
    local added, removed = {}, {}
    for key, at in pairs(topic.newestOf) do
      if at then push(added, int(at), key) else removed[#removed + 1] = key end
    end
    write('ZADD', topic.stateKey, added)
    write('ZREM', topic.stateKey, removed)
    write('ZADD', base .. 'repeats:' .. name, topic.repeats)
    write('HSET', base .. 'firsts:' .. name, topic.firsts)
    if topic.answered > 0 then call('ZINCRBY', base .. 'answered', topic.answered, name) end

    local row = {'count', topic.count, 'bytes', int(topic.bytes), 'newest', int(topic.newest)}
    if topic.isNew or topic.hasState then
      push(row, 'keys', topic.keys)
      push(row, 'state', int(topic.state))
    end
    if topic.isNew then
      push(row, 'trimmed', topic.trimmed)
      push(row, 'lost', topic.lost)
    end
    if topic.ended then push(row, 'ended', topic.ended) end
    write('HSET', base .. 'topic:' .. name, row)
    if not topic.isLive then
      push(live, 0, name)
      if not topic.isNew then revived[#revived + 1] = name end
    end
  end
end
write('ZADD', base .. 'topics', live)
write('ZREM', base .. 'gone', revived)
if large then call('HSET', base .. 'meta', 'large', large) end
if offset > newest then call('HSET', base .. 'meta', 'newest', int(offset)) end
return answer
`,
)
