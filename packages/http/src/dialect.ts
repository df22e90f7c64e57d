import { Payload } from '@tailrace/hub'
import type { Dialect } from '@tailrace/hub'
import { HEARTBEAT } from '@tailrace/wire'
import { encodeEnd, encodeError, encodeGap, encodeLive, encodeRetry } from './control.ts'
import { textOf } from './cursor-text.ts'
import { encodeFrame } from './frame.ts'
import type { Representation } from './frame.ts'

const heartbeat = new Payload(Buffer.from(HEARTBEAT), true)
const dialects = new Map<string, Dialect>()

/** Server-Sent Events as defined in `spec/protocol.md`. */
export function tailraceDialect(representation: Representation): Dialect {
  const { envelope, namesTopic, traces, times } = representation
  const key = `tailrace ${envelope} ${namesTopic} ${traces} ${times}`
  const known = dialects.get(key)
  if (known !== undefined) return known
  const dialect: Dialect = {
    key,
    frame: (event, at) => encodeFrame(event, representation, at),
    live: (at, heartbeatMs) => encodeLive(textOf(at), heartbeatMs),
    gap: ({ reason, from, oldest }, at) =>
      encodeGap({ reason, from: textOf(from), oldest: textOf(oldest) }, textOf(at)),
    end: (topic, at) => encodeEnd(topic, textOf(at)),
    error: encodeError,
    retry: encodeRetry,
    heartbeat,
  }
  dialects.set(key, dialect)
  return dialect
}
