import { LogError } from '@tailrace/log'
import { toLogError } from '@tailrace/log/sqlite'

/** Turns any error about an index into a `LogError`. An index is no original: if it is damaged, it can be deleted. */
export function toIndexError(error: unknown, path: string): LogError {
  const { code, message, details } = toLogError(error, path)
  const isDamaged = code === 'corrupt' || (code === 'foreign' && !LogError.is(error))
  if (!isDamaged) return new LogError(code, message, { cause: error, details })
  return new LogError(
    code,
    code === 'corrupt'
      ? `The index ${path} is damaged: stop the hub and delete it, and it is built again.`
      : `${path} is not the index of a Tailrace log: choose another path.`,
    { cause: error, details },
  )
}
