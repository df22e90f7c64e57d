import { Script } from '../script.ts'

/**
 * Appends a batch: the idempotency of its events, the ends of its topics, the events, and all indexes.
 *
 * Everything is read, and refused, before anything is written: Redis does not undo what a script has written.
 *
 * Arguments: epoch, seen, time, window; then for each event the nine of `toArguments`. Answers `appended` and the
 * offset of each event, negative for a repeat; `ended` and the index of an event; `replaced`, `foreign` or `corrupt`.
 */
export const APPEND: Script = new Script(
  'append',
  `
local isLog, newest = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
local time, window = clock(ARGV[3]), tonumber(ARGV[4])
local FIRST, WIDTH = 5, 9

local topics, events, seenHere = {}, {}, {}

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

-- The offset of the first event with an idempotency key, or true if an earlier one of this batch has it.
local function firstOf(event)
  local name = event.topic .. '\\n' .. event.once
  if seenHere[name] then return true end
  seenHere[name] = true
  local at = call('ZSCORE', base .. 'repeats:' .. event.topic, event.once)
  local first = call('HGET', base .. 'firsts:' .. event.topic, event.once)
  event.isKnown = at ~= false
  if at and tonumber(at) > time - window then return tonumber(first) end
end

for at = FIRST, #ARGV, WIDTH do
  local flags = ARGV[at + 1]
  local event = {
    at = at, topic = ARGV[at], bytes = tonumber(ARGV[at + 4]),
    once = string.find(flags, 'o', 1, true) and ARGV[at + 2],
    key = string.find(flags, 'k', 1, true) and ARGV[at + 3],
    remove = string.find(flags, 'r', 1, true), ends = string.find(flags, 'e', 1, true)
  }
  event.first = event.once and firstOf(event)
  if not event.first then
    local topic, foreign = topicOf(event.topic)
    if not topic then return {'foreign', foreign} end
    if topic.ended or topic.endsHere then return {'ended', (at - FIRST) / WIDTH} end
    topic.endsHere = event.ends
  end
  events[#events + 1] = event
end

local function store(event, offset)
  local at, flags, topic = event.at, ARGV[event.at + 1], topics[event.topic]
  local entry = {'topic', event.topic, 'time', int(time), 'data', ARGV[at + 5]}
  local function add(flag, name, value)
    if not string.find(flags, flag, 1, true) then return end
    entry[#entry + 1] = name
    entry[#entry + 1] = value
  end
  add('k', 'key', event.key)
  add('y', 'type', ARGV[at + 6])
  add('r', 'remove', '1')
  add('e', 'end', '1')
  add('p', 'traceparent', ARGV[at + 7])
  add('s', 'tracestate', ARGV[at + 8])
  local added = redis.pcall('XADD', base .. 'log', int(offset) .. '-0', unpack(entry))
  if type(added) == 'table' and added.err then return added end
  call('ZADD', base .. 'events:' .. event.topic, int(offset), int(offset) .. ':' .. event.bytes .. ':' .. int(time))

  local isNewest = event.key and not event.remove
  if event.key then
    local state = base .. 'state:' .. event.topic
    local old = call('ZSCORE', state, event.key)
    if old then
      local _, bytes = parse(call('ZRANGEBYSCORE', base .. 'events:' .. event.topic, old, old)[1])
      topic.keys, topic.state = topic.keys - 1, topic.state - bytes - #event.key - STATE_OVERHEAD
      topic.count, topic.bytes = topic.count + 1, topic.bytes + bytes
    end
    if isNewest then call('ZADD', state, int(offset), event.key)
    elseif old then call('ZREM', state, event.key) end
  end
  if isNewest then
    topic.keys, topic.state = topic.keys + 1, topic.state + event.bytes + #event.key + STATE_OVERHEAD
  else
    topic.count, topic.bytes = topic.count + 1, topic.bytes + event.bytes
  end

  if event.once then
    call('ZADD', base .. 'repeats:' .. event.topic, int(time), event.once)
    call('HSET', base .. 'firsts:' .. event.topic, event.once, int(offset))
    if not event.isKnown then call('ZINCRBY', base .. 'answered', #event.once + RECORD_OVERHEAD, event.topic) end
  end
  topic.newest = offset
  if event.ends then topic.ended = int(offset) end
end

local answer, firsts = {'appended'}, {}
local offset = newest
for _, event in ipairs(events) do
  if event.first then
    local first = event.first == true and firsts[event.topic .. '\\n' .. event.once] or event.first
    answer[#answer + 1] = -first
  else
    offset = offset + 1
    local failed = store(event, offset)
    if failed then
      -- Only the first write can fail, because of what Redis is short of, or of a record that the log did not write.
      if string.find(failed.err, 'equal or smaller', 1, true) then return {'corrupt'} end
      return failed
    end
    answer[#answer + 1] = offset
  end
  if event.once then firsts[event.topic .. '\\n' .. event.once] = math.abs(answer[#answer]) end
end

for name, topic in pairs(topics) do
  call('HSET', base .. 'topic:' .. name, 'count', topic.count, 'bytes', int(topic.bytes), 'keys', topic.keys,
    'state', int(topic.state), 'newest', int(topic.newest))
  if topic.isNew then call('HSET', base .. 'topic:' .. name, 'trimmed', topic.trimmed, 'lost', topic.lost) end
  if topic.ended then call('HSET', base .. 'topic:' .. name, 'ended', topic.ended) end
  if not topic.isLive then
    call('ZADD', base .. 'topics', 0, name)
    if not topic.isNew then call('ZREM', base .. 'gone', name) end
  end
end
if offset > newest then call('HSET', base .. 'meta', 'newest', int(offset)) end
return answer
`,
)
