import { Script } from '../script.ts'

/** Arguments: epoch, seen. Answers `log`, oldest, newest; or `replaced`. */
export const DESCRIBE: Script = new Script(
  'describe',
  `
local isLog, newest = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
-- Messages for the nodes, above all purges, are between the events. Those before the first event are passed once.
local MAX_PASSED = 8
local last = call('HGET', base .. 'meta', 'passed')
local from, passed = last or '-', 0
while true do
  local entry = call('XRANGE', base .. 'log', from, '+', 'COUNT', 1)[1]
  local offset, order = newest + 1, 0
  if entry then offset, order = places(entry[1]) end
  if order == 0 then
    -- It is of no consequence if Redis refuses that now.
    if passed > MAX_PASSED then redis.pcall('HSET', base .. 'meta', 'passed', last) end
    return {'log', offset, newest}
  end
  last, from, passed = entry[1], '(' .. entry[1], passed + 1
end
`,
)
