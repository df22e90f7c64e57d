import { Script } from '../script.ts'

/**
 * Lists topics. Arguments: epoch, seen, from, to, limit. Answers `topics`, and for each one its name, newest offset,
 * whether it has ended, events, and bytes; or `replaced`.
 */
export const LIST: Script = new Script(
  'list',
  `
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local answer = {'topics'}
for _, name in ipairs(call('ZRANGEBYLEX', base .. 'topics', ARGV[3], ARGV[4], 'LIMIT', 0, tonumber(ARGV[5]))) do
  local row = rowOf(name)
  local bytes = row.bytes + row.state - row.keys * STATE_OVERHEAD
  for _, value in ipairs({name, row.newest, row.ended and 1 or 0, row.count + row.keys, bytes}) do
    answer[#answer + 1] = value
  end
end
return answer
`,
)
