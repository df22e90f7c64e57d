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

local function topicOf(name)
  local topic = topics[name]
  if topic then return topic end
  topic = rowOf(name)
  if topic then
    topic.isLive = topic.count + topic.keys > 0
  else
    for _, kind in ipairs({'events:', 'state:'}) do
      if call('EXISTS', base .. kind .. name) == 1 then return nil, base .. kind .. name end
    end
    local floor = call('HMGET', base .. 'meta', 'floor', 'floor-losses')
    topic = {count = 0, bytes = 0, keys = 0, state = 0, trimmed = floor[1], lost = floor[2], isNew = true}
  end
  topic.index = base .. 'events:' .. name
  topics[name] = topic
  return topic
end

-- The offset of the first event with an idempotency key, if it is known.
local function firstOf(event)
  local at = call('ZSCORE', base .. 'repeats:' .. event.topic, event.once)
  local first = call('HGET', base .. 'firsts:' .. event.topic, event.once)
  event.isKnown = at ~= false
  if at and tonumber(at) > time - window then return tonumber(first) end
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
        event.first = firstOf(event)
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
  call('ZADD', topic.index, id, id .. ':' .. bytes .. ':' .. timeText)

  local isNewest = event.key and not event.remove
  if event.key then
    topic.hasState = true
    local state = base .. 'state:' .. event.topic
    local old = call('ZSCORE', state, event.key)
    if old then
      local _, size = parse(call('ZRANGEBYSCORE', topic.index, old, old)[1])
      topic.keys, topic.state = topic.keys - 1, topic.state - size - #event.key - STATE_OVERHEAD
      topic.count, topic.bytes = topic.count + 1, topic.bytes + size
    end
    if isNewest then call('ZADD', state, id, event.key)
    elseif old then call('ZREM', state, event.key) end
  end
  if isNewest then
    topic.keys, topic.state = topic.keys + 1, topic.state + bytes + #event.key + STATE_OVERHEAD
  else
    topic.count, topic.bytes = topic.count + 1, topic.bytes + bytes
  end

  if event.once then
    call('ZADD', base .. 'repeats:' .. event.topic, timeText, event.once)
    call('HSET', base .. 'firsts:' .. event.topic, event.once, id)
    if not event.isKnown then call('ZINCRBY', base .. 'answered', #event.once + RECORD_OVERHEAD, event.topic) end
  end
  topic.newest, topic.isChanged = offset, true
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

for name, topic in pairs(topics) do
  if topic.isChanged then
    local row = {'count', topic.count, 'bytes', int(topic.bytes), 'newest', int(topic.newest)}
    local function add(field, value)
      row[#row + 1] = field
      row[#row + 1] = value
    end
    if topic.isNew or topic.hasState then
      add('keys', topic.keys)
      add('state', int(topic.state))
    end
    if topic.isNew then
      add('trimmed', topic.trimmed)
      add('lost', topic.lost)
    end
    if topic.ended then add('ended', topic.ended) end
    call('HSET', base .. 'topic:' .. name, unpack(row))
    if not topic.isLive then
      call('ZADD', base .. 'topics', 0, name)
      if not topic.isNew then call('ZREM', base .. 'gone', name) end
    end
  end
end
if offset > newest then call('HSET', base .. 'meta', 'newest', int(offset)) end
return answer
`,
)
