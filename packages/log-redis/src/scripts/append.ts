import { Script } from '../script.ts'

/**
 * Appends batches, each of which is stored or refused as a whole: the idempotency of its events, the ends of its
 * topics, the events, and all indexes.
 *
 * Everything about a batch is read, and refused, before anything of it is written: Redis does not undo what a script
 * has written.
 *
 * Arguments: epoch, seen, time, window, the number of batches and how many events each has; then for each event the
 * nine of `toArguments`. Answers `appended`, and for each batch the offset of each event, negative for a repeat; or
 * `ended` and the index of an event; or `foreign` and a key. Or `replaced` or `corrupt`, for all of them.
 */
export const APPEND: Script = new Script(
  'append',
  `
local isLog, newest = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
local time, window, count = clock(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local WIDTH = 9
local offset, topics = newest, {}

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

-- The events of a batch, or why it is refused.
local function check(from, length)
  local events, claimed, ends = {}, {}, {}
  for index = 0, length - 1 do
    local at = from + index * WIDTH
    local flags = ARGV[at + 1]
    local event = {
      at = at, flags = flags, topic = ARGV[at], bytes = tonumber(ARGV[at + 4]),
      once = string.find(flags, 'o', 1, true) and ARGV[at + 2],
      key = string.find(flags, 'k', 1, true) and ARGV[at + 3],
      remove = string.find(flags, 'r', 1, true), ends = string.find(flags, 'e', 1, true)
    }
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
      if not topic then return nil, {'foreign', foreign} end
      if topic.ended or ends[event.topic] then return nil, {'ended', index} end
      ends[event.topic] = event.ends
    end
    events[#events + 1] = event
  end
  return events
end

local function store(event)
  local at, flags, topic = event.at, event.flags, topics[event.topic]
  local entry = {'topic', event.topic, 'time', int(time), 'data', ARGV[at + 5]}
  local function add(flag, name, value)
    if not string.find(flags, flag, 1, true) then return end
    entry[#entry + 1] = name
    entry[#entry + 1] = value
  end
  if flags ~= '' then
    add('k', 'key', event.key)
    add('y', 'type', ARGV[at + 6])
    add('r', 'remove', '1')
    add('e', 'end', '1')
    add('p', 'traceparent', ARGV[at + 7])
    add('s', 'tracestate', ARGV[at + 8])
  end
  local id = int(offset + 1)
  local added = redis.pcall('XADD', base .. 'log', id .. '-0', unpack(entry))
  if type(added) == 'table' and added.err then return added end
  offset = offset + 1
  call('ZADD', base .. 'events:' .. event.topic, id, id .. ':' .. event.bytes .. ':' .. int(time))

  local isNewest = event.key and not event.remove
  if event.key then
    local state = base .. 'state:' .. event.topic
    local old = call('ZSCORE', state, event.key)
    if old then
      local _, bytes = parse(call('ZRANGEBYSCORE', base .. 'events:' .. event.topic, old, old)[1])
      topic.keys, topic.state = topic.keys - 1, topic.state - bytes - #event.key - STATE_OVERHEAD
      topic.count, topic.bytes = topic.count + 1, topic.bytes + bytes
    end
    if isNewest then call('ZADD', state, id, event.key)
    elseif old then call('ZREM', state, event.key) end
  end
  if isNewest then
    topic.keys, topic.state = topic.keys + 1, topic.state + event.bytes + #event.key + STATE_OVERHEAD
  else
    topic.count, topic.bytes = topic.count + 1, topic.bytes + event.bytes
  end

  if event.once then
    call('ZADD', base .. 'repeats:' .. event.topic, int(time), event.once)
    call('HSET', base .. 'firsts:' .. event.topic, event.once, id)
    if not event.isKnown then call('ZINCRBY', base .. 'answered', #event.once + RECORD_OVERHEAD, event.topic) end
  end
  topic.newest, topic.isChanged = offset, true
  if event.ends then topic.ended = id end
end

local answer, from = {'appended'}, 6 + count
for batch = 1, count do
  local length = tonumber(ARGV[5 + batch])
  local events, result = check(from, length)
  from = from + length * WIDTH
  if events then
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
    local row = {'count', topic.count, 'bytes', int(topic.bytes), 'keys', topic.keys, 'state', int(topic.state),
      'newest', int(topic.newest)}
    local function add(field, value)
      row[#row + 1] = field
      row[#row + 1] = value
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
