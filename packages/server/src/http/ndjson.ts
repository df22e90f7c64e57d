import type { NewEvent, TraceContext } from '@tailrace/log'
import { HttpError } from './problem.ts'

const FIELDS: ReadonlySet<string> = new Set([
  'data',
  'type',
  'key',
  'idempotencyKey',
  'topic',
  'end',
  'traceparent',
  'tracestate',
])

/** A batch, and the line (from 1) that each of its events came from. */
export interface Batch {
  readonly events: readonly NewEvent[]
  readonly lines: readonly number[]
}

/**
 * Reads a batch: one JSON object a line. Blank lines are passed over.
 *
 * @param topic where the events go that name no topic; without it, each must
 * @param trace of the events that have none of their own
 * @throws HttpError `invalid-ndjson`, whose `line` names the first bad line
 */
export function parseBatch(text: string, topic: string | undefined, trace?: TraceContext): Batch {
  const events: NewEvent[] = []
  const lines: number[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    events.push(parseLine(line, index + 1, topic, trace))
    lines.push(index + 1)
  }
  return { events, lines }
}

function parseLine(
  text: string,
  line: number,
  fallback: string | undefined,
  fallbackTrace: TraceContext | undefined,
): NewEvent {
  const refuse = (flaw: string): HttpError =>
    new HttpError('invalid-ndjson', `Line ${line} ${flaw}. Nothing of the batch was published.`, { line })
  const value = parseJson(text)
  if (value === undefined) throw refuse('is not JSON')
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isRawJson(value))
    throw refuse('is not a JSON object')
  const object = value as Record<string, unknown>
  for (const name of Object.keys(object)) {
    if (!FIELDS.has(name)) throw refuse(`has an unknown field ${JSON.stringify(name)}`)
  }
  const textField = (name: string): string | undefined => {
    const field = object[name]
    if (field === undefined || typeof field === 'string') return field
    throw refuse(`has a ${name} that is not a string`)
  }
  const { data, end } = object
  if (data === undefined && end !== true) throw refuse('has no data')
  if (end !== undefined && typeof end !== 'boolean') throw refuse('has an end that is not true or false')
  const topic = textField('topic') ?? fallback
  if (topic === undefined) throw refuse('names no topic')
  if (fallback !== undefined && topic !== fallback)
    throw refuse('names another topic than the path: POST it to /topics')
  const [traceparent, tracestate] = [textField('traceparent'), textField('tracestate')]
  if (traceparent === undefined && tracestate !== undefined)
    throw refuse('has a tracestate and no traceparent')
  return {
    topic,
    data: data === undefined ? '' : typeof data === 'string' ? data : JSON.stringify(data),
    type: textField('type'),
    key: textField('key'),
    idempotencyKey: textField('idempotencyKey'),
    end,
    trace: traceparent === undefined ? fallbackTrace : { traceparent, ...(tracestate && { tracestate }) },
  }
}

/** Parses JSON such that its numbers are written again as they were: an id of 20 digits is not rounded. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, keepNumber)
  } catch {
    return undefined
  }
}

function keepNumber(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source
    ? rawJson(source)
    : value
}

const { rawJSON: rawJson, isRawJSON: isRawJson } = JSON as unknown as {
  rawJSON(source: string): unknown
  isRawJSON(value: unknown): boolean
}
