import { MAX_RETRY_MS } from './decode.ts'
import { WireError } from './errors.ts'

/** One block of an event stream. A field that is `undefined` or absent has no line. */
export interface EncodableEvent {
  /**
   * Any text. Each of its lines (ended by CR, LF or CRLF) becomes a `data` line, so a reader receives LF for every
   * line break. `''` is an event with empty data. Without `data`, readers dispatch no event, but remember `id` and
   * `retry`.
   */
  data?: string | undefined
  /** The event type; readers treat `''` as `message`. No CR, LF or NUL. */
  type?: string | undefined
  /** The last event ID from here on; `''` clears it. No CR, LF or NUL. */
  id?: string | undefined
  /** The reader's reconnection time in milliseconds: an integer from 0 to {@link MAX_RETRY_MS}. */
  retry?: number | undefined
  /** The topic of the event. A Tailrace extension, which `EventSource` ignores. No CR, LF or NUL. */
  topic?: string | undefined
  /** The key of the event, a field like `topic`. */
  key?: string | undefined
  /** Whether the event removes its key from the state of the topic, a field like `topic`. Written only if true. */
  remove?: boolean | undefined
  /** When the event was stored (RFC 3339), a field like `topic`. */
  time?: string | undefined
  /**
   * The trace context of the event (https://www.w3.org/TR/trace-context/), fields like `topic`. For tools that read
   * the lines themselves: the decoder ignores both, to stay small in pages.
   */
  traceparent?: string | undefined
  /** A field like `traceparent`. */
  tracestate?: string | undefined
}

/**
 * Keeps an idle stream open: a comment and its line end, 2 bytes. It has no blank line, because widely used clients
 * would dispatch an empty event. Only safe between two blocks.
 */
export const HEARTBEAT: string = ':\n'

/**
 * Encodes an event as text of an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html,
 * 9.2.5): lines end in LF, and a blank line ends the block. No field can contain the beginning of another field.
 *
 * @throws WireError `invalid-field` for CR, LF or NUL in a field other than `data`, and for a `retry` out of range;
 * `invalid-text` for a lone surrogate, which would reach the reader as U+FFFD.
 */
export function encodeEvent(event: EncodableEvent): string {
  const { data, type, id, retry, topic, key, remove, time, traceparent, tracestate } = event
  let block = type === undefined ? '' : line('event', 'type', type)
  if (data !== undefined) {
    block += isOneLine(data) ? `data: ${data}\n` : `data: ${data.replace(/\r\n?|\n/g, '\ndata: ')}\n`
  }
  if (topic !== undefined) block += line('topic', 'topic', topic)
  if (key !== undefined) block += line('key', 'key', key)
  if (remove === true) block += 'remove: true\n'
  if (time !== undefined) block += line('time', 'time', time)
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
  // Checked once for all fields: line ends separate them, so the two halves of a pair cannot meet here.
  if (!block.isWellFormed()) throw invalidText(event)
  return `${block}\n`
}

function line(name: string, field: string, value: string): string {
  // NUL is only forbidden in an id, but refusing it in the others loses nothing.
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

function invalidText(event: EncodableEvent): WireError {
  const field = (['data', 'type', 'topic', 'key', 'time', 'traceparent', 'tracestate', 'id'] as const).find(
    (name) => event[name]?.isWellFormed() === false,
  )
  return new WireError(
    'invalid-text',
    `${field} contains a lone surrogate, which UTF-8 cannot carry; was a character cut in two? ` +
      'String.prototype.toWellFormed() replaces it with U+FFFD',
    { field: field ?? '' },
  )
}
