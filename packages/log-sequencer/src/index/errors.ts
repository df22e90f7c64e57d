import { LogError, type LogErrorCode } from '@tailrace/log'
import { toLogError } from '@tailrace/log/sqlite'

/** What to do about an index, which is no original: unlike a log, it can be deleted. */
const ADVICE: { readonly [C in LogErrorCode]?: string } = {
  locked: 'another process is using it: stop that process, or give this hub an index of its own',
  corrupt: 'its content is damaged: stop the hub and delete it, and it is built again',
  full: 'the disk is full: free some space, or keep less with --retain',
  foreign: 'it is not the index of a Tailrace log: choose another path',
}

/** Turns any error about an index into a `LogError`. */
export function toIndexError(error: unknown, path: string): LogError {
  const found = toLogError(error, path)
  const advice = ADVICE[found.code]
  if (LogError.is(error) || advice === undefined) return found
  const { reason } = found.details
  return new LogError(found.code, `The index ${path} failed (${reason}): ${advice}.`, {
    cause: error,
    details: found.details,
  })
}
