import { textOf } from '@tailrace/http'
import { Payload } from '@tailrace/hub'
import type { Dialect } from '@tailrace/hub'
import { encodeEvent, HEARTBEAT } from '@tailrace/wire'
import { formatOf } from './formats/index.ts'
import type { FormatName } from './formats/index.ts'

const NOTHING = new Uint8Array()
const RESERVED = 'tailrace.'
const heartbeat = new Payload(Buffer.from(HEARTBEAT))
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
  const format = formatOf(name)
  const failure = (code: string, message: string, id?: string): Uint8Array =>
    Buffer.from(encodeEvent({ ...format.failure(code, message), id }))
  const dialect: Dialect = {
    key: `llm ${name}`,
    frame({ type, data }, at) {
      const id = at === undefined ? undefined : textOf(at)
      if (type?.startsWith(RESERVED) !== true) return Buffer.from(encodeEvent({ type, data, id }))
      if (type !== 'tailrace.failed') return NOTHING
      const { code, message } = JSON.parse(data) as { code: string; message: string }
      return failure(code, message, id)
    },
    live: () => NOTHING,
    gap: ({ reason }) => failure('cursor-gone', `The rest of the answer cannot be resumed (${reason}).`),
    end: () => NOTHING,
    error: (code) => failure(code, `The connection ends before the answer does (${code}): resume it.`),
    retry: () => NOTHING,
    heartbeat,
  }
  dialects.set(name, dialect)
  return dialect
}
