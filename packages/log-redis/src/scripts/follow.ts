import { Script } from '../script.ts'

/**
 * Reads the next entries for a tail that is behind large events. Unlike `XREAD`, which costs less, it bounds their size:
 * to about a page, or a page and eight events if small ones are followed by large ones. Arguments: epoch, seen, the id
 * after which it reads. Answers `entries`, the entries, and what `meta` has as `newest`, `forgotten` and `large`; or `replaced`.
 */
export const FOLLOW: Script = new Script(
  'follow',
  `
local MAX_ENTRIES, MAX_CHUNK, MAX_BYTES = 256, 8, 1048576
if not isSame(ARGV[1], ARGV[2]) then return {'replaced'} end
local entries, size, chunk, from = {}, 0, 1, '(' .. ARGV[3]
repeat
  local found = call('XRANGE', base .. 'log', from, '+', 'COUNT', chunk)
  for _, entry in ipairs(found) do
    entries[#entries + 1] = entry
    size = size + sizeOf(entry[2])
    from = '(' .. entry[1]
  end
  local isAtEnd = #found < chunk
  chunk = math.max(1, math.min(MAX_CHUNK, MAX_ENTRIES - #entries, math.floor((MAX_BYTES - size) * #entries / (size + 1))))
until isAtEnd or size >= MAX_BYTES or #entries >= MAX_ENTRIES
local meta = call('HMGET', base .. 'meta', 'newest', 'forgotten', 'large')
return {'entries', entries, meta[1], meta[2], meta[3]}
`,
)
