import type { NewEvent } from '@tailrace/log'
import { FORMAT, SIGNATURE } from './record.ts'
import type { Entry, LogRecord } from './record.ts'

/** JSON: quick to read and write, and legible in the tools of the engine. Entries are encoded as they arrive. */
export function encodeEntry(entry: Entry): string {
  return JSON.stringify([entry.kind, ...partsOf(entry)])
}

const PARTS: { readonly [K in Entry['kind']]: (entry: Extract<Entry, { kind: K }>) => unknown[] } = {
  genesis: ({ epoch, secret, after }) => [epoch, secret, after],
  epoch: ({ epoch }) => [epoch],
  batch: ({ events }) => [events.map(encodeEvent)],
  note: ({ note }) => [note.key, note.until],
  purge: ({ topic }) => [topic],
  removal: ({ removal: { offsets, forgotten, answers, now } }) => [
    offsets.map((offset, i) => offset - (offsets[i - 1] ?? 0)),
    forgotten,
    answers,
    now,
  ],
  part: ({ part: { position, number, isLast, table, rows } }) => [position, number, isLast, table, rows],
}

function partsOf<K extends Entry['kind']>(entry: Extract<Entry, { kind: K }>): unknown[] {
  return PARTS[entry.kind](entry)
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
