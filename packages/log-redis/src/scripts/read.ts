import { Script } from '../script.ts'

/**
 * Reads a page: matching events, in log order, and what has been lost of them, all as of one moment. It examines a
 * bounded number of rows, so that nobody else waits for long:
 *
 * - Few topics: their indexes side by side.
 * - Many topics, or all: the log itself.
 *
 * Arguments: epoch, seen, kind (`all`, or `newest` of each key), after, limit, maxBytes; what is known about the losses
 * of the patterns (place, lostThrough, losses); the numbers of named topics, patterns and prefixes; and all of these.
 * Answers `page`, next, more, entries, lostThrough, losses, and what is now known about the losses of the patterns;
 * `losses` with the last of these if there was no time for more; `replaced`; or `corrupt` and an id.
 */
export const READ: Script = new Script(
  'read',
  `
local MAX_ROWS, MAX_LOSSES, MAX_NAMES = 512, 256, 256
local MAX_CHUNK, MAX_EXAMINED_BYTES = 16, 1048576

local isLog, head = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
local isNewestOnly = ARGV[3] == 'newest'
local after, limit, maxBytes = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local place, through, losses = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])

local lists, at = {}, 13
for list = 1, 3 do
  lists[list] = {}
  for _ = 1, tonumber(ARGV[9 + list]) do
    table.insert(lists[list], ARGV[at])
    at = at + 1
  end
end
local named, patterns, prefixes = lists[1], lists[2], lists[3]

-- All selectors as one tree of their segments.
local function treeOf(selectors)
  local root = {below = {}}
  for _, selector in ipairs(selectors) do
    local node = root
    for segment in string.gmatch(selector, '[^/]+') do
      if segment == '**' then
        node.isOpen = true
      else
        node.below[segment] = node.below[segment] or {below = {}}
        node = node.below[segment]
      end
    end
    if not string.find(selector, '%*%*$') then node.isEnd = true end
  end
  return root
end

local function matches(root, topic)
  local nodes = {root}
  if root.isOpen then return true end
  for segment in string.gmatch(topic, '[^/]+') do
    local deeper = {}
    for _, node in ipairs(nodes) do
      for _, name in ipairs({segment, '*'}) do
        local child = node.below[name]
        if child and child.isOpen then return true end
        if child then deeper[#deeper + 1] = child end
      end
    end
    if #deeper == 0 then return false end
    nodes = deeper
  end
  for _, node in ipairs(nodes) do if node.isEnd then return true end end
  return false
end

local patternTree = treeOf(patterns)

-- What the patterns have lost since the place up to which that is known.
if #patterns > 0 then
  local lost = call('ZRANGEBYSCORE', base .. 'lossy', '(' .. int(place), '+inf', 'WITHSCORES', 'LIMIT', 0, MAX_LOSSES)
  for i = 1, #lost, 2 do
    place = tonumber(lost[i + 1])
    if matches(patternTree, lost[i]) then
      through = math.max(through, number(call('HGET', base .. 'topic:' .. lost[i], 'trimmed')))
      losses = place
    end
  end
  if #lost == 2 * MAX_LOSSES then return {'losses', place, through, losses} end
end
local lostThrough, lostLosses = through, losses

local function lose(offset, count)
  lostThrough = math.max(lostThrough, number(offset))
  lostLosses = math.max(lostLosses, number(count))
end

local floor
local function loseFloor()
  floor = floor or call('HMGET', base .. 'meta', 'floor', 'floor-losses')
  lose(floor[1], floor[2])
end

-- A topic without a row may have had one.
if #patterns > 0 then loseFloor() end
for _, topic in ipairs(named) do
  local row = call('HMGET', base .. 'topic:' .. topic, 'trimmed', 'lost')
  if row[1] then lose(row[1], row[2]) else loseFloor() end
end
-- A reader whose offset was skipped has seen an event that no longer exists.
local hole = call('ZRANGEBYSCORE', base .. 'holes', '(' .. int(after), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if #hole > 0 then
  local from, count = string.match(hole[1], '^(%d+):(%d+)$')
  if tonumber(from) < after then lose(hole[2], count) end
end

local entries, size = {}, 0
local function page(next, more)
  return {'page', next, more and 1 or 0, entries, lostThrough, lostLosses, place, through, losses}
end
local function isFull() return #entries == limit or size >= maxBytes end
if after >= head then return page(head, false) end

-- The topics that the patterns select, if there are few.
local function findTopics()
  local found, names, looked = {}, {}, 0
  local function add(name)
    if not found[name] then
      found[name] = true
      names[#names + 1] = name
    end
  end
  for _, prefix in ipairs(prefixes) do
    local from, to = '-', '+'
    if prefix ~= '' then
      from, to = '[' .. prefix .. '/', '(' .. prefix .. '0'
      if matches(patternTree, prefix) then add(prefix) end
    end
    local below = call('ZRANGEBYLEX', base .. 'topics', from, to, 'LIMIT', 0, MAX_NAMES + 1)
    looked = looked + #below
    if looked > MAX_NAMES then return nil end
    for _, name in ipairs(below) do if matches(patternTree, name) then add(name) end end
  end
  for _, name in ipairs(named) do add(name) end
  return names
end

local isCorrupt
local function take(id)
  local entry = call('XRANGE', base .. 'log', id, id)[1]
  if not entry then isCorrupt = id return end
  entries[#entries + 1] = entry
end

-- Reads the next few offsets of each topic, and as far as these are complete.
local function merge(names)
  local share = math.max(2, math.floor(MAX_ROWS / #names))
  local bound, places, rows = head, {}, {}
  for _, name in ipairs(names) do
    local key = base .. (isNewestOnly and 'state:' or 'events:') .. name
    local part = call('ZRANGEBYSCORE', key, '(' .. int(after), '+inf', 'WITHSCORES', 'LIMIT', 0, share)
    for i = 1, #part, 2 do
      local offset = tonumber(part[i + 1])
      places[#places + 1] = offset
      rows[offset] = {name = name, member = part[i]}
    end
    if #part == 2 * share then bound = math.min(bound, tonumber(part[#part])) end
  end
  table.sort(places)
  for _, offset in ipairs(places) do
    if offset > bound then break end
    if isFull() then return page(offset - 1, true) end
    local row = rows[offset]
    local member = row.member
    if isNewestOnly then member = call('ZRANGEBYSCORE', base .. 'events:' .. row.name, offset, offset)[1] end
    take(int(offset) .. '-0')
    if isCorrupt or not member then return {'corrupt', int(offset) .. '-0'} end
    local _, bytes = parse(member)
    size = size + bytes
    if #entries == MAX_ROWS or size >= MAX_EXAMINED_BYTES then return page(offset, offset < head) end
  end
  return page(bound, bound < head)
end

local selectors = {}
for _, list in ipairs({named, patterns}) do
  for _, selector in ipairs(list) do selectors[#selectors + 1] = selector end
end
local tree, known = nil, {}
local hasPurged = call('ZCARD', base .. 'purges') > 0

-- The last offset of a topic that was purged, if it is selected.
local function purgedOf(topic)
  if known[topic] == nil then
    tree = tree or treeOf(selectors)
    known[topic] = matches(tree, topic) and
      (hasPurged and number(call('HGET', base .. 'topic:' .. topic, 'purged')) or 0)
  end
  return known[topic]
end

local function valueOf(fields, name)
  for i = 1, #fields, 2 do if fields[i] == name then return fields[i + 1] end end
end

local function isSelected(offset, fields)
  local topic = fields[2]
  local purged = purgedOf(topic)
  if not purged or offset <= purged then return false end
  if not isNewestOnly then return true end
  local key = valueOf(fields, 'key')
  return key and tonumber(call('ZSCORE', base .. 'state:' .. topic, key) or 0) == offset
end

-- Reads the log itself, a few entries at a time: each is copied, whether it matches or not.
local function walk()
  local from, chunk, rows, examined = int(after + 1) .. '-0', 1, 0, 0
  while true do
    local found = call('XRANGE', base .. 'log', from, '+', 'COUNT', chunk)
    for _, entry in ipairs(found) do
      local offset, order = places(entry[1])
      local fields = entry[2]
      rows, examined = rows + 1, examined + sizeOf(fields)
      if order == 0 then
        if fields[1] ~= 'topic' or fields[5] ~= 'data' or offset > head then return {'corrupt', entry[1]} end
        if isSelected(offset, fields) then
          if isFull() then return page(offset - 1, true) end
          entries[#entries + 1] = entry
          size = size + #fields[6]
        end
      end
      from = '(' .. entry[1]
      after = math.max(after, offset)
    end
    if #found < chunk then return page(head, false) end
    if rows >= MAX_ROWS or examined >= MAX_EXAMINED_BYTES then return page(math.min(after, head), after < head) end
    chunk = math.max(1, math.min(MAX_CHUNK, MAX_ROWS - rows, math.floor(131072 * rows / (examined + 1))))
  end
end

-- With **, that is all of them.
local names = not patternTree.isOpen and findTopics()
if names and #names == 0 then return page(head, false) end
return names and merge(names) or walk()
`,
)
