import { Script } from '../script.ts'

/**
 * Notes a key until a time. Arguments: epoch, seen, now, key, until. Answers `noted` and whether it was not noted
 * before; or `replaced`.
 */
export const NOTE: Script = new Script(
  'note',
  `
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local now, key, till = clock(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local before = tonumber(call('ZSCORE', base .. 'notes', key) or '')
local isFirst = before == nil or before <= now
if isFirst or till > before then
  call('ZADD', base .. 'notes', int(till), key)
  call('ZADD', base .. 'note-names', 0, key)
end
return {'noted', isFirst and 1 or 0}
`,
)

/**
 * Reads notes. Arguments: epoch, seen, now, from, to, limit. Answers `notes`, the last key that was examined if there
 * may be more, and then each key and its time; or `replaced`.
 */
export const NOTES: Script = new Script(
  'notes',
  `
local MAX_NOTES = 512
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local now, limit = clock(ARGV[3]), math.min(MAX_NOTES, tonumber(ARGV[6]))
local names = call('ZRANGEBYLEX', base .. 'note-names', ARGV[4], ARGV[5], 'LIMIT', 0, limit)
local answer = {'notes', #names == limit and names[limit] or ''}
for _, name in ipairs(names) do
  local till = tonumber(call('ZSCORE', base .. 'notes', name))
  if till > now then
    answer[#answer + 1] = name
    answer[#answer + 1] = till
  end
end
return answer
`,
)
