import { WireError } from './errors.ts'

/**
 * The maximum reconnection time that a decoder reports, in milliseconds: 2^31 - 1, about 24.8 days. Beyond that,
 * `setTimeout` of every runtime overflows to no delay at all, which would turn a reconnecting client into a flood.
 * The encoder refuses larger values.
 */
export const MAX_RETRY_MS = 2_147_483_647

/** The default bound of a decoder, in UTF-16 code units: 64 Mi. See {@link DecoderOptions.maxBufferLength}. */
export const DEFAULT_MAX_BUFFER_LENGTH: number = 64 * 1024 * 1024

/** One dispatched event. */
export interface DecodedEvent {
  /** The last `event` field of the block; `'message'` if it is absent or empty. */
  type: string
  /** The `data` fields of the block, joined by LF. May be empty. */
  data: string
  /** The last id that the stream has set, in this block or in an earlier one; `''` without one. */
  lastEventId: string
  /**
   * The last `topic` field of this block, or `undefined`. A Tailrace extension: the WHATWG algorithm
   * ignores the field.
   */
  topic: string | undefined
  /** The last `key` field of this block, or `undefined`. A Tailrace extension as well. */
  key: string | undefined
  /** Whether the last `remove` field of this block is `true`. A Tailrace extension as well. */
  remove: boolean
  /** The last `time` field of this block, or `undefined`. A Tailrace extension as well. */
  time: string | undefined
}

/**
 * Receives the results of a decoder, in stream order, from within `push`.
 *
 * A callback that throws ends the decoder: `push` throws the same error, the rest of its chunk is not delivered, and
 * every later `push` throws the error again. A callback must not call `push` or `end` (`reentrant-call`). To stop in
 * the middle of a chunk, ignore the rest.
 */
export interface DecoderSink {
  /** Called at a blank line if the block before it had a `data` field. */
  onEvent(event: DecodedEvent): void
  /**
   * Called at once for a valid `retry` field, with the new reconnection time in milliseconds, 0 to {@link
   * MAX_RETRY_MS}.
   */
  onRetry?: ((ms: number) => void) | undefined
  /**
   * Called at a blank line if the block before it had a valid `id` field, with the new last event ID (`''` clears
   * it). It is called before `onEvent` of the same block, and also for a block without `data`.
   */
  onId?: ((id: string) => void) | undefined
  /**
   * Called with a comment line, without its colon and the space after it. Without this callback, comments are not
   * buffered.
   */
  onComment?: ((text: string) => void) | undefined
}

export interface DecoderOptions {
  /**
   * The last event ID to start from, which is that of the previous connection.
   *
   * @defaultValue `''`
   */
  lastEventId?: string | undefined
  /**
   * The maximum that the decoder holds between two events, in UTF-16 code units (one byte each if all text is
   * Latin-1, otherwise two). It counts the unfinished line, and the lines of the unfinished block that contain
   * `data`, `event`, `id`, `topic`, `key` or `time`, including the names. It does not count line ends, `retry`, `remove`, unknown
   * fields, and comments without `onComment`, since these are not held. Beyond the maximum, `push` throws
   * `buffer-exceeded`, no matter how the stream is split into chunks.
   *
   * An integer from 1 to 268,435,456 (2^28: half of the longest string that V8 can create).
   *
   * @defaultValue {@link DEFAULT_MAX_BUFFER_LENGTH}
   */
  maxBufferLength?: number | undefined
}

/** Turns the bytes of an event stream into events. Created by {@link createDecoder}. */
export interface Decoder {
  /**
   * Accepts the next bytes of the stream, split anywhere, and calls the sink for everything that they complete. The
   * chunk is not kept.
   *
   * @throws WireError `buffer-exceeded`, or whatever a callback threw. From then on, the decoder holds nothing, and
   * each `push` throws the same error. `reentrant-call` if called by a callback.
   */
  push(chunk: Uint8Array): void
  /**
   * Marks the end of the stream: an incomplete block is discarded, together with its id. `lastEventId` stays, and
   * the next `push` begins the next stream, including its byte order mark.
   *
   * @throws WireError `reentrant-call` if called by a callback.
   */
  end(): void
  /** The last id that a complete block has set, or the initial one: the value for `Last-Event-ID`. */
  readonly lastEventId: string
}

const LF = 10
const CR = 13
const SPACE = 32
const COLON = 58
const D = 100
const E = 101
const I = 105
const K = 107
const M = 109
const O = 111
const R = 114
const T = 116
/**
 * The name of a field that is kept, and its colon; without a colon, the value is empty. The first character
 * distinguishes the fields, except for `remove` and `time`, which need one more. Nothing repeats, so a line costs a
 * few comparisons.
 */
const FIELD = /(?:data|event|id|key|re(?:move|try)|t(?:ime|opic))(?::|(?=[\r\n]))/y
const BYTE_ORDER_MARK = 0xfeff
/** That of `remove:`. This much of a line decides whether it is kept. */
const LONGEST_PREFIX = 7
const MAX_BUFFER_LENGTH_LIMIT = 2 ** 28
/** Replaces the rest of a line that is not kept: no field begins with it. */
const IGNORED = '?'
const STREAM: TextDecodeOptions = { stream: true }
const ONE_STREAM: TextDecoderOptions = { ignoreBOM: true }

/**
 * Creates a decoder for one event stream after another, exactly as in "Parsing an event stream" and "Interpreting an
 * event stream" (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.5 and 9.2.6), with one
 * deviation: `retry` is clamped to {@link MAX_RETRY_MS}. Bytes that are not UTF-8 become U+FFFD, and one byte order
 * mark at the start of a stream is stripped.
 *
 * @throws WireError `invalid-option`
 */
export function createDecoder(sink: DecoderSink, options: DecoderOptions = {}): Decoder {
  const max = options.maxBufferLength ?? DEFAULT_MAX_BUFFER_LENGTH
  if (!(Number.isInteger(max) && max > 0 && max <= MAX_BUFFER_LENGTH_LIMIT)) {
    throw new WireError(
      'invalid-option',
      `maxBufferLength must be an integer from 1 to ${MAX_BUFFER_LENGTH_LIMIT}`,
      { option: 'maxBufferLength' },
    )
  }
  // Two, because Node decodes a chunk that needs no state up to 1.5 times as fast, but only as long as the
  // TextDecoder has never streamed. ignoreBOM, because stripping is up to `push`: it must happen once.
  const whole = new TextDecoder('utf-8', ONE_STREAM)
  const streaming = new TextDecoder('utf-8', ONE_STREAM)
  const keepsComments = sink.onComment !== undefined
  let lastEventId = options.lastEventId ?? ''
  let isBusy = false
  let failure: { error: unknown } | undefined

  let isStart = true
  let endsCut = false
  let endsInCr = false
  let line = ''
  const lineSeams: Seams = { count: 0 }
  const dataSeams: Seams = { count: 0 }
  let block: Block = EMPTY_BLOCK
  // Part of the block as well, but rare.
  let topic: string | undefined
  let key: string | undefined
  let remove: string | undefined
  let time: string | undefined

  function decode(chunk: Uint8Array): string {
    const wasCut = endsCut
    // Not ASCII, so a character may continue in the next chunk.
    endsCut = !((chunk[chunk.length - 1] ?? 0xff) < 0x80)
    return wasCut || endsCut ? streaming.decode(chunk, STREAM) : whole.decode(chunk)
  }

  function read(text: string): void {
    let start = 0
    if (isStart ? text.charCodeAt(0) === BYTE_ORDER_MARK : endsInCr && text.charCodeAt(0) === LF) start = 1
    isStart = false
    let lf = find(text, '\n', start)
    let cr = find(text, '\r', start)
    if (line !== '' && (lf < text.length || cr < text.length)) {
      // Not before the line ends: joining chunk by chunk would copy a long line again and again.
      lf += line.length
      cr += line.length
      text = [line, text].join('')
      line = ''
    }
    const size = text.length
    const hasCr = cr < size
    // Locals are faster than the variables of the closure. If a callback throws, nobody needs them any more.
    let { length, data, type, id } = block
    while (start < size) {
      const first = text.charCodeAt(start)
      let end = start
      if (first !== LF && first !== CR) {
        if (lf < start) lf = find(text, '\n', start)
        if (cr < start) cr = find(text, '\r', start)
        end = lf < cr ? lf : cr
        if (end === size) break
        // The most common line, without a call.
        let at =
          first === D && text.startsWith('ata', start + 1) && text.charCodeAt(start + 4) === COLON
            ? start + 5
            : findValue(text, first, start)
        if (at > 0) {
          if (length + end - start > max) throw bufferExceeded(max)
          if (text.charCodeAt(at) === SPACE) at++
          const value = text.slice(at, end)
          if (first === D) {
            data = data === undefined ? value : append(data, '\n', value, dataSeams)
          } else if (first === E) type = value
          else if (first === I) id = value.includes('\0') ? id : value
          else if (first === T) {
            if (text.charCodeAt(start + 1) === O) topic = value
            else time = value
          } else if (first === K) key = value
          else if (first === COLON) sink.onComment?.(value)
          else if (text.charCodeAt(start + 2) === M) remove = value
          else if (/^\d+$/.test(value)) sink.onRetry?.(Math.min(Number(value), MAX_RETRY_MS))
          if (first !== COLON && first !== R) length += end - start
        }
      } else {
        // A blank line.
        if (id !== undefined) {
          lastEventId = id
          id = undefined
          sink.onId?.(lastEventId)
        }
        if (data !== undefined) {
          const event = {
            type: type || 'message',
            data,
            lastEventId,
            topic,
            key,
            remove: remove === 'true',
            time,
          }
          data = undefined
          sink.onEvent(event)
        }
        type = ''
        topic = key = remove = time = undefined
        length = 0
      }
      start = end + 1
      if (hasCr && text.charCodeAt(end) === CR && start < size && text.charCodeAt(start) === LF) start++
    }
    endsInCr = text.charCodeAt(size - 1) === CR
    block = { length, data, type, id }
    if (start < size) keep(text.slice(start))
  }

  /** Where the value of a line that is kept begins, before the optional space; 0 for any other line. */
  function findValue(text: string, first: number, start: number): number {
    switch (first) {
      case COLON:
        return keepsComments ? start + 1 : 0
      // Without the regular expression, and in threes, because V8 inlines `startsWith` only for so many characters.
      case I:
        if (text.startsWith('d:', start + 1)) return start + 3
        break
      case K:
        if (text.startsWith('ey:', start + 1)) return start + 4
        break
      case E:
        if (text.startsWith('ven', start + 1) && text.startsWith('t:', start + 4)) return start + 6
        break
      case T:
        if (text.startsWith('opi', start + 1) && text.startsWith('c:', start + 4)) return start + 6
    }
    FIELD.lastIndex = start
    // A failure sets it to 0.
    FIELD.test(text)
    return FIELD.lastIndex
  }

  function keep(rest: string): void {
    if (line.length < LONGEST_PREFIX) {
      const head = line + rest.slice(0, LONGEST_PREFIX)
      if (head.length >= LONGEST_PREFIX && findValue(head, head.charCodeAt(0), 0) === 0) {
        line = IGNORED
        return
      }
    }
    line = append(line, '', rest, lineSeams)
    if (line.length >= LONGEST_PREFIX && block.length + line.length > max) throw bufferExceeded(max)
  }

  function close(): void {
    refuseReentrance(isBusy)
    forget()
  }

  function forget(): void {
    streaming.decode()
    isStart = true
    endsCut = false
    line = ''
    block = EMPTY_BLOCK
    topic = key = remove = time = undefined
  }

  return {
    push(chunk) {
      refuseReentrance(isBusy)
      if (failure) throw failure.error
      isBusy = true
      try {
        const text = decode(chunk)
        if (text !== '') read(text)
      } catch (error) {
        failure = { error }
        forget()
        throw error
      } finally {
        isBusy = false
      }
    },
    end: close,
    get lastEventId() {
      return lastEventId
    },
  }
}

/** The state of the block whose blank line has not arrived yet. */
interface Block {
  /** The length of its lines that are kept, including names: bounded by `maxBufferLength`. */
  length: number
  data?: string | undefined
  type: string
  id?: string | undefined
}

const EMPTY_BLOCK: Block = { length: 0, type: '' }

/** How many pieces a growing string has been assembled from since it was last flat. */
interface Seams {
  count: number
}

/**
 * Engines concatenate lazily: `a + b` costs a node of some 32 bytes, and copies when it is first read. So a long
 * line is copied once. But a line that arrives byte by byte would be 32 times as large as its bound, so once there
 * are too many nodes for its length, it is copied (by `join`) into one flat string. The growing threshold keeps the
 * cost linear.
 */
function append(held: string, separator: string, piece: string, seams: Seams): string {
  if (++seams.count <= 1024 + (held.length >> 4)) return held + separator + piece
  seams.count = 0
  return [held, piece].join(separator)
}

function find(text: string, character: string, from: number): number {
  const at = text.indexOf(character, from)
  return at < 0 ? text.length : at
}

function refuseReentrance(isBusy: boolean): void {
  if (!isBusy) return
  throw new WireError('reentrant-call', 'a callback must not call push or end of its decoder')
}

function bufferExceeded(maxBufferLength: number): WireError {
  return new WireError(
    'buffer-exceeded',
    `event longer than ${maxBufferLength} characters: raise maxBufferLength`,
    { maxBufferLength },
  )
}
