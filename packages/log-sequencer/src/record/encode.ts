import type { NewEvent } from '@tailrace/log'
import { FORMAT, SIGNATURE } from './record.ts'
import type { Entry, LogRecord } from './record.ts'

/** JSON: quick to read and write, and legible in the tools of the engine. Entries are encoded as they arrive. */
export function encodeEntry(entry: Entry): string {
  switch (entry.kind) {
    case 'genesis':
      return JSON.stringify(['genesis', entry.epoch, entry.secret, entry.after])
    case 'batch':
      return JSON.stringify(['batch', entry.events.map(encodeEvent)])
    case 'note':
      return JSON.stringify(['note', entry.note.key, entry.note.until])
    case 'purge':
      return JSON.stringify(['purge', entry.topic])
    case 'removal': {
      const { offsets, forgotten, answers, now } = entry.removal
      const steps = offsets.map((offset, i) => offset - (offsets[i - 1] ?? 0))
      return JSON.stringify(['removal', steps, forgotten, answers, now])
    }
  }
}

type Head = Omit<LogRecord, 'entries'>

/** @param entries - encoded */
export function encodeRecord({ epoch, node, number, time }: Head, entries: readonly string[]): Uint8Array {
  const head = JSON.stringify({ epoch, node, number, time })
  return Buffer.from(`${SIGNATURE}${FORMAT},${head.slice(1, -1)},"entries":[${entries.join(',')}]}`)
}

function encodeEvent({ topic, data, type, key, remove, end, idempotencyKey, trace }: NewEvent): unknown[] {
  const isPlain =
    type === undefined &&
    key === undefined &&
    end !== true &&
    idempotencyKey === undefined &&
    trace === undefined
  if (isPlain) return [topic, data]
  // What is undefined is left out.
  return [
    topic,
    data,
    {
      type,
      key,
      remove: remove === true ? true : undefined,
      end: end === true ? true : undefined,
      once: idempotencyKey,
      trace: trace && [trace.traceparent, trace.tracestate].filter((part) => part !== undefined),
    },
  ]
}
