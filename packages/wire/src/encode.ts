import { MAX_RETRY_MS } from './decode.ts'
import { WireError } from './errors.ts'

/** One block of an event stream. A field that is `undefined` or absent has no line. */
export interface EncodableEvent {
  /**
   * Any text; each of its lines (ended by CR, LF or CRLF) becomes a `data` line, so a reader gets LF for
   * every line break. `''` is an event with empty data. Without it readers dispatch no event, but take
   * note of `id` and `retry`.
   */
  data?: string | undefined
  /** The event type; readers take `''` for `message`. No CR, LF or NUL. */
  type?: string | undefined
  /** The last event ID from here on; `''` clears it. No CR, LF or NUL. */
  id?: string | undefined
  /** The reader's reconnection time in milliseconds: an integer from 0 to {@link MAX_RETRY_MS}. */
  retry?: number | undefined
  /** A Tailrace extension, which `EventSource` ignores: the event's topic. No CR, LF or NUL. */
  topic?: string | undefined
  /** As `topic`: what it was published by (https://www.w3.org/TR/trace-context/). No CR, LF or NUL. */
  traceparent?: string | undefined
  /** As `traceparent`. */
  tracestate?: string | undefined
}

/**
 * What keeps an idle stream open: a comment and its line end, 2 bytes. There is no blank line after it,
 * because widely used clients dispatch an empty event at one. Safe between two blocks only.
 */
export const HEARTBEAT: string = ':\n'

/**
 * The event as text of an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html,
 * 9.2.5): lines end in LF, a blank line ends the block. Nothing in a field can begin another field.
 *
 * @throws WireError `invalid-field` for a field but `data` with CR, LF or NUL and for a `retry` out
 * of range; `invalid-text` for a lone surrogate, which would reach the reader as U+FFFD.
 */
export function encodeEvent(event: EncodableEvent): string {
  const { data, type, id, retry, topic, traceparent, tracestate } = event
  let block = type === undefined ? '' : line('event', 'type', type)
  if (data !== undefined) {
    block += isOneLine(data) ? `data: ${data}\n` : `data: ${data.replace(/\r\n?|\n/g, '\ndata: ')}\n`
  }
  if (topic !== undefined) block += line('topic', 'topic', topic)
  if (traceparent !== undefined) block += line('traceparent', 'traceparent', traceparent)
  if (tracestate !== undefined) block += line('tracestate', 'tracestate', tracestate)
  if (id !== undefined) block += line('id', 'id', id)
  if (retry !== undefined) {
    if (!Number.isInteger(retry) || retry < 0 || retry > MAX_RETRY_MS) {
      throw new WireError(
        'invalid-field',
        `retry must be an integer from 0 to ${MAX_RETRY_MS} milliseconds, got ${retry}`,
        { field: 'retry', value: retry },
      )
    }
    block += `retry: ${retry}\n`
  }
  // Once for all fields: they are a line apart, so no two halves of a pair can meet here.
  if (!isWellFormed(block)) throw invalidText(event)
  return `${block}\n`
}

function line(name: string, field: string, value: string): string {
  // NUL only spoils an id, but nothing is lost with it in the others.
  if (!isOneLine(value) || value.includes('\0')) {
    throw new WireError(
      'invalid-field',
      `${field} must not contain CR, LF or NUL; remove them, or send the text as data`,
      { field },
    )
  }
  return `${name}: ${value}\n`
}

function isOneLine(text: string): boolean {
  return text.indexOf('\n') < 0 && text.indexOf('\r') < 0
}

function isWellFormed(text: string): boolean {
  // ES2024, which every supported runtime has and the ES2023 library does not declare.
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

function invalidText(event: EncodableEvent): WireError {
  const field = (['data', 'type', 'topic', 'traceparent', 'tracestate', 'id'] as const).find(
    (name) => !isWellFormed(event[name] ?? ''),
  )
  return new WireError(
    'invalid-text',
    `${field} contains a lone surrogate, which UTF-8 cannot carry; was a character cut in two? ` +
      'toWellFormed() replaces it',
    { field: field ?? '' },
  )
}
