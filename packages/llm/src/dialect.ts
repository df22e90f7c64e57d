import { plainDialect } from '@tailrace/http'
import { STREAM_DONE } from '@tailrace/hub'
import type { Dialect } from '@tailrace/hub'
import { formatOf } from './formats/index.ts'
import type { FormatName } from './formats/index.ts'

/** One for each format, because streams with the same dialect share their frames. */
const dialects = new Map<FormatName, Dialect>()

/**
 * Writes streams for the official client library of an API: the events of the answer with their cursors, and nothing that
 * it does not understand. A stream that fails, or that the hub must close before its end, ends with an event for which the
 * library throws its own error, since it takes any other end for a complete answer.
 *
 * @throws RangeError for a name that is not a format
 */
export function formatDialect(name: FormatName): Dialect {
  const known = dialects.get(name)
  if (known !== undefined) return known
  const { failure, done } = formatOf(name)
  const plain = plainDialect({ failure })
  const dialect: Dialect = {
    ...plain,
    frame: (event, at) =>
      plain.frame(event.type === STREAM_DONE && done !== undefined ? { ...event, ...done } : event, at),
  }
  dialects.set(name, dialect)
  return dialect
}
