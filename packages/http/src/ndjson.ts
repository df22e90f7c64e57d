import type { Hub } from '@tailrace/hub'
import type { NewEvent, TraceContext } from '@tailrace/log'
import { HttpError } from './errors.ts'
import { afterSpace, endOfString, endOfValue } from './json-text.ts'
import { quote } from './quote.ts'
import { parseTraceContext } from './trace.ts'
import { utf8Of } from './utf8.ts'

const FIELDS = [
  'data',
  'type',
  'key',
  'remove',
  'idempotencyKey',
  'topic',
  'end',
  'traceparent',
  'tracestate',
] as const
type Field = (typeof FIELDS)[number]
const KNOWN: ReadonlySet<string> = new Set(FIELDS)

/** JSON uses up to six bytes for one byte of an event (`\u0000`). */
const ESCAPE_FACTOR = 6
/** The maximum length of a line besides its data: every other field at its longest, entirely escaped. */
const MAX_REST_BYTES = 16 * 1024
/** The longest field name that is read: a known name with each character escaped. */
const MAX_NAME_BYTES = 128
const LINE_FEED = 0x0a
const QUOTE = 0x22

export interface BatchOptions {
  readonly limits: Hub['limits']
  /** The topic of events that do not name one. If omitted, each event must. */
  readonly topic?: string | undefined
  /** The trace context of events that do not have their own. */
  readonly trace?: TraceContext | undefined
}

/**
 * Reads a batch as it arrives: one JSON object per line; blank lines are skipped. The size of each part is checked
 * before the part is parsed, so a batch costs no more than its bytes.
 */
export class BatchReader {
  readonly events: NewEvent[] = []
  /** The line (from 1) that each of the events came from. */
  readonly lines: number[] = []
  readonly #options: BatchOptions
  readonly #maxLineBytes: number
  /** The beginning of a line whose end has not arrived. */
  #begun: Buffer[] = []
  #begunBytes = 0
  #line = 1
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  /** Everything so far is UTF-8. Checking a whole chunk costs much less than checking each of its lines. */
  #isText = true

  constructor(options: BatchOptions) {
    this.#options = options
    this.#maxLineBytes = options.limits.maxEventBytes * ESCAPE_FACTOR + MAX_REST_BYTES
  }

  /**
   * Reads all lines that end in this chunk.
   *
   * @throws HttpError `invalid-ndjson`, `invalid-utf8`, `invalid-trace`, `event-too-large` or `batch-too-large`; `line` is
   * the first bad line
   */
  add(chunk: Buffer): void {
    this.#isText &&= this.#continuesText(chunk)
    for (let at = 0; at < chunk.length;) {
      if (this.#begunBytes === 0) at = this.#skipBlank(chunk, at)
      if (at === chunk.length) return
      const end = chunk.indexOf(LINE_FEED, at)
      const piece = chunk.subarray(at, end === -1 ? chunk.length : end)
      this.#begun.push(piece)
      this.#begunBytes += piece.length
      if (this.#begunBytes > this.#maxLineBytes) throw this.#tooLarge()
      if (end === -1) return
      this.#endLine()
      this.#line += 1
      at = end + 1
    }
  }

  /** Reads a last line without a line end. @throws as `add` */
  finish(): void {
    this.#isText = false
    if (this.#begunBytes > 0) this.#endLine()
  }

  #continuesText(chunk: Buffer): boolean {
    try {
      this.#decoder.decode(chunk, { stream: true })
      return true
    } catch {
      return false
    }
  }

  /** The end of the blank lines that begin at `at`. */
  #skipBlank(chunk: Buffer, at: number): number {
    const end = afterSpace(chunk, at)
    for (; at < end; at += 1) if (chunk[at] === LINE_FEED) this.#line += 1
    return at
  }

  #endLine(): void {
    const line = this.#begun.length === 1 ? this.#begun[0]! : Buffer.concat(this.#begun, this.#begunBytes)
    this.#begun = []
    this.#begunBytes = 0
    const { maxBatchEvents } = this.#options.limits
    if (this.events.length === maxBatchEvents) {
      const message = `The batch has more than ${maxBatchEvents} events: split it, or raise --max-batch-events.`
      throw new HttpError('batch-too-large', message, { details: { maxBatchEvents, line: this.#line } })
    }
    this.events.push(this.#eventOf(line))
    this.lines.push(this.#line)
  }

  #eventOf(line: Buffer): NewEvent {
    if (!this.#isText && utf8Of(line) === undefined) {
      const message = `Line ${this.#line} is not valid UTF-8. No event of the batch was published.`
      throw new HttpError('invalid-utf8', message, { details: { line: this.#line } })
    }
    const fields = this.#fieldsOf(line)
    const text = (name: Field): string | undefined => {
      const value = fields[name]
      if (value === undefined || value[0] === QUOTE) return value && stringOf(value)
      throw this.#refuse(`has a ${name} that is not a string`)
    }
    const flag = (name: Field): boolean | undefined => {
      const value = fields[name]?.toString()
      if (value === undefined || value === 'true' || value === 'false') return value && value === 'true'
      throw this.#refuse(`has a ${name} that is neither true nor false`)
    }
    const [end, remove] = [flag('end'), flag('remove')]
    if (fields.data === undefined && end !== true && remove !== true) throw this.#refuse('has no data')
    const { topic: fallback } = this.#options
    const topic = text('topic') ?? fallback
    if (topic === undefined) throw this.#refuse('names no topic')
    if (fallback !== undefined && topic !== fallback)
      throw this.#refuse('names a topic other than that of the path: POST it to /topics')
    // Fields that it does not have are left out: between threads, each costs time.
    const event: { -readonly [Name in keyof NewEvent]: NewEvent[Name] } = {
      topic,
      data: this.#dataOf(fields.data),
    }
    const [type, key, idempotencyKey] = [text('type'), text('key'), text('idempotencyKey')]
    if (type !== undefined) event.type = type
    if (key !== undefined) event.key = key
    if (idempotencyKey !== undefined) event.idempotencyKey = idempotencyKey
    if (remove === true) event.remove = remove
    if (end === true) event.end = end
    const trace = this.#traceOf(text('traceparent'), text('tracestate'))
    if (trace !== undefined) event.trace = trace
    return event
  }

  #traceOf(traceparent: string | undefined, tracestate: string | undefined): TraceContext | undefined {
    if (traceparent === undefined) {
      if (tracestate !== undefined) throw this.#refuse('has a tracestate but no traceparent')
      return this.#options.trace
    }
    const trace = parseTraceContext(traceparent, tracestate === '' ? undefined : tracestate)
    if (trace !== undefined && (tracestate === '' || trace.tracestate === tracestate)) return trace
    const name = trace === undefined ? 'traceparent' : 'tracestate'
    const message = `Line ${this.#line}: The ${name} is not valid W3C Trace Context: correct it, or leave it out. No event of the batch was published.`
    throw new HttpError('invalid-trace', message, { details: { line: this.#line } })
  }

  #dataOf(value: Buffer | undefined): string {
    if (value === undefined) return ''
    // Any other value is stored as it was written, so an id of 20 digits is not rounded.
    const isString = value[0] === QUOTE
    if (!isString && value.length > this.#options.limits.maxEventBytes) throw this.#tooLarge()
    return isString ? stringOf(value) : value.toString()
  }

  /** The fields of a line, each as the bytes of its value. If a field is given twice, the last one counts. */
  #fieldsOf(line: Buffer): Partial<Record<Field, Buffer>> {
    const fields: Partial<Record<Field, Buffer>> = {}
    let at = afterSpace(line, 0)
    if (line[at] !== 0x7b) throw this.#refuse('is not a JSON object')
    at = afterSpace(line, at + 1)
    for (let isFirst = true; line[at] !== 0x7d; isFirst = false) {
      if (!isFirst) {
        if (line[at] !== 0x2c) throw this.#refuse('is not JSON')
        at = afterSpace(line, at + 1)
      }
      const nameEnd = endOfString(line, at)
      const colon = nameEnd === -1 ? -1 : afterSpace(line, nameEnd)
      if (line[colon] !== 0x3a) throw this.#refuse('is not JSON')
      const name = this.#nameOf(line.subarray(at, nameEnd))
      const start = afterSpace(line, colon + 1)
      const end = this.#endOfValue(line, start)
      fields[name] = line.subarray(start, end)
      at = afterSpace(line, end)
    }
    if (afterSpace(line, at + 1) !== line.length) throw this.#refuse('is not JSON')
    return fields
  }

  #endOfValue(line: Buffer, start: number): number {
    // A value that is not a string is stored as it is, so no more of it is examined than may be stored.
    const limit = line[start] === QUOTE ? line.length : start + this.#options.limits.maxEventBytes + 1
    const end = endOfValue(limit < line.length ? line.subarray(0, limit) : line, start)
    if (end === -1)
      throw limit < line.length
        ? this.#tooLarge()
        : this.#refuse('is not JSON, or is nested more than 1,000 levels deep')
    return end
  }

  #nameOf(value: Buffer): Field {
    const isShort = value.length <= MAX_NAME_BYTES
    const name = isShort ? stringOf(value) : value.toString('utf8', 1, MAX_NAME_BYTES)
    if (!isShort || !KNOWN.has(name)) throw this.#refuse(`has an unknown field ${quote(name)}`)
    return name as Field
  }

  #refuse(flaw: string): HttpError {
    const message = `Line ${this.#line} ${flaw}. No event of the batch was published.`
    return new HttpError('invalid-ndjson', message, { details: { line: this.#line } })
  }

  #tooLarge(): HttpError {
    const { maxEventBytes } = this.#options.limits
    const message = `Line ${this.#line} has more than ${maxEventBytes} bytes of data, the maximum for one event: split it, or raise --max-event. No event of the batch was published.`
    return new HttpError('event-too-large', message, { details: { maxEventBytes, line: this.#line } })
  }
}

/** The text of a JSON string. */
function stringOf(value: Buffer): string {
  return value.includes('\\')
    ? (JSON.parse(value.toString()) as string)
    : value.toString('utf8', 1, value.length - 1)
}
