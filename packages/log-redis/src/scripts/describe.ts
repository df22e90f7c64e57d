import { Script } from '../script.ts'

/** Arguments: epoch, seen. Answers `log`, oldest, newest; or `replaced`. */
export const DESCRIBE: Script = new Script(
  'describe',
  `
local isLog, newest = isSame(ARGV[1], ARGV[2])
if not isLog then return {'replaced'} end
-- Messages for the nodes, above all purges, are between the events.
local from = '-'
while true do
  local entry = call('XRANGE', base .. 'log', from, '+', 'COUNT', 1)[1]
  if not entry then return {'log', newest + 1, newest} end
  local offset, order = places(entry[1])
  if order == 0 then return {'log', offset, newest} end
  from = '(' .. entry[1]
end
`,
)
