import { Script } from '../script.ts'

/**
 * Reads everything after an entry, events and records, up to a number of bytes. Arguments: epoch, seen, id. Answers
 * `entries`, whether there may be more, and the entries; or `replaced`.
 */
export const FOLLOW: Script = new Script(
  'follow',
  `
local MAX_ENTRIES, MAX_BYTES, CHUNK = 512, 1048576, 8
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local from, entries, bytes = '(' .. ARGV[3], {}, 0
while #entries < MAX_ENTRIES and bytes < MAX_BYTES do
  local found = call('XRANGE', base .. 'log', from, '+', 'COUNT', CHUNK)
  for _, entry in ipairs(found) do
    entries[#entries + 1] = entry
    for _, field in ipairs(entry[2]) do bytes = bytes + #field end
    from = '(' .. entry[1]
  end
  if #found < CHUNK then return {'entries', 0, entries} end
end
return {'entries', 1, entries}
`,
)
