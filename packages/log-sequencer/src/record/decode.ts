import { isUtf8 } from 'node:buffer'
import { parseTopic } from '@tailrace/log'
import type { NewEvent } from '@tailrace/log'
import { CARRIED, CARRIED_TABLES, type CarriedTable } from './carried.ts'
import { FORMAT, MAX_EVENTS, SIGNATURE } from './record.ts'
import type { Entry, LogRecord, Part, Removal } from './record.ts'

/** Names of logs and nodes, as `mintEpoch` creates them. */
const NAME = /^[a-z0-9]{1,32}$/
const SECRET = /^[A-Za-z0-9_-]{43}$/
const MAX_NOTE_KEY_BYTES = 256

const signature = Buffer.from(SIGNATURE)

/** Thrown to end the decoding of a record that is not valid. */
class Malformed extends Error {}

/**
 * Decodes a record, of which nothing is trusted: anybody who may write to the engine can have written it.
 *
 * @returns `foreign` for everything that `encodeRecord` cannot have produced, `newer` for a format of the future
 */
export function decodeRecord(bytes: Uint8Array): LogRecord | 'foreign' | 'newer' {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (!buffer.subarray(0, signature.length).equals(signature) || !isUtf8(buffer)) return 'foreign'
  try {
    const fields = object(JSON.parse(buffer.toString()))
    const version = natural(fields['tailrace'])
    if (version > FORMAT) return 'newer'
    return decodeFields(fields)
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return 'foreign'
    throw error
  }
}

function decodeFields({ tailrace, epoch, node, number, time, entries, ...rest }: Fields): LogRecord {
  demand(tailrace === FORMAT && Object.keys(rest).length === 0)
  const decoded = list(entries).map(decodeEntry)
  const events = decoded.reduce((sum, entry) => sum + (entry.kind === 'batch' ? entry.events.length : 0), 0)
  demand(decoded.length > 0 && events <= MAX_EVENTS)
  return {
    epoch: name(epoch),
    node: name(node),
    number: natural(number),
    time: time === undefined ? undefined : integer(time),
    entries: decoded,
  }
}

function decodeEntry(value: unknown): Entry {
  const [kind, ...parts] = list(value)
  switch (kind) {
    case 'genesis': {
      const [epoch, secret, after] = exactly(3, parts)
      demand(SECRET.test(text(secret)))
      return { kind, epoch: name(epoch), secret: text(secret), after: natural(after) }
    }
    case 'epoch':
      return { kind, epoch: name(exactly(1, parts)[0]) }
    case 'batch': {
      const [events] = exactly(1, parts)
      return { kind, events: list(events).map(decodeEvent) }
    }
    case 'note': {
      const [key, until] = exactly(2, parts)
      demand(Buffer.byteLength(text(key)) <= MAX_NOTE_KEY_BYTES)
      return { kind, note: { key: text(key), until: integer(until) } }
    }
    case 'purge':
      return { kind, topic: topic(exactly(1, parts)[0]) }
    case 'removal':
      return { kind, removal: decodeRemoval(exactly(4, parts)) }
    case 'part':
      return { kind, part: decodePart(exactly(5, parts)) }
    default:
      throw new Malformed()
  }
}

function decodeEvent(value: unknown): NewEvent {
  const parts = list(value)
  demand(parts.length === 2 || parts.length === 3)
  const event = { topic: topic(parts[0]), data: text(parts[1]) }
  if (parts.length === 2) return event
  const { type, key, remove, end, once, trace, ...rest } = object(parts[2])
  demand(Object.keys(rest).length === 0 && !(remove === true && key === undefined))
  return {
    ...event,
    type: optionalText(type),
    key: optionalText(key),
    remove: flag(remove),
    end: flag(end),
    idempotencyKey: optionalText(once),
    trace: trace === undefined ? undefined : decodeTrace(list(trace)),
  }
}

function decodeTrace([traceparent, tracestate, ...rest]: unknown[]): NonNullable<NewEvent['trace']> {
  demand(rest.length === 0)
  return tracestate === undefined
    ? { traceparent: text(traceparent) }
    : { traceparent: text(traceparent), tracestate: text(tracestate) }
}

function decodeRemoval([steps, forgotten, answers, now]: unknown[]): Removal {
  let offset = 0
  const offsets = list(steps).map((step) => {
    demand(natural(step) > 0)
    return natural((offset += natural(step)))
  })
  return {
    offsets,
    forgotten: list(forgotten).map(topic),
    answers: list(answers).map((answer) => {
      const [of, key] = exactly(2, list(answer))
      return [topic(of), text(key)]
    }),
    now: integer(now),
  }
}

function decodePart([position, number, isLast, table, rows]: unknown[]): Part {
  demand(CARRIED_TABLES.includes(table as CarriedTable) && typeof isLast === 'boolean')
  const { length } = CARRIED[table as CarriedTable]
  return {
    position: natural(position),
    number: natural(number),
    isLast,
    table: table as CarriedTable,
    rows: list(rows).map((row) => exactly(length, list(row)).map(cell)),
  }
}

function cell(value: unknown): string | number | null {
  demand(value === null || typeof value === 'string' || Number.isSafeInteger(value))
  return value as string | number | null
}

type Fields = Record<string, unknown>

function demand(isValid: boolean): asserts isValid {
  if (!isValid) throw new Malformed()
}

function object(value: unknown): Fields {
  demand(typeof value === 'object' && value !== null && !Array.isArray(value))
  return value as Fields
}

function list(value: unknown): unknown[] {
  demand(Array.isArray(value))
  return value
}

function exactly(count: number, parts: unknown[]): unknown[] {
  demand(parts.length === count)
  return parts
}

function text(value: unknown): string {
  demand(typeof value === 'string')
  return value
}

function optionalText(value: unknown): string | undefined {
  return value === undefined ? undefined : text(value)
}

function flag(value: unknown): boolean | undefined {
  demand(value === undefined || value === true)
  return value
}

function integer(value: unknown): number {
  demand(Number.isSafeInteger(value))
  return value as number
}

function natural(value: unknown): number {
  demand(integer(value) >= 0)
  return value as number
}

function name(value: unknown): string {
  demand(NAME.test(text(value)))
  return text(value)
}

function topic(value: unknown): string {
  try {
    return parseTopic(text(value))
  } catch {
    throw new Malformed()
  }
}
