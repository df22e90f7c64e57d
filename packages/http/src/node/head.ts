/** The head of a plain request for a stream. */
export interface StreamHead {
  /** The request target: a path, perhaps with a query. */
  readonly target: string
  /** Values by lower-case name; each character is a byte. */
  readonly headers: ReadonlyMap<string, string>
}

/** More headers than any reader sends. */
const MAX_HEADERS = 64
const START = 'GET /'
// Each of these is one class between anchors, or has no adjacent classes that overlap, so none of them backtracks.
const REQUEST_LINE = /^GET (\/[\x21-\x7e]*) HTTP\/1\.1$/
/** RFC 9110, section 5.1. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Without control characters (RFC 9110, section 5.5) and obsolete line folding (RFC 9112, section 5.2). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
/** Headers that change how a request is read or answered. */
const UNUSUAL: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Reads the head of a plain request for a stream. Strict on purpose: anything that it does not fully understand is
 * `other`, and left to `node:http`, which answers or refuses it. So a mistake here costs memory, but never gives a
 * request two meanings.
 *
 * @param streams - whether there may be a stream at a path
 */
export function readHead(
  bytes: Buffer,
  streams: (path: string) => boolean,
): StreamHead | 'incomplete' | 'other' {
  if (!mayBeStream(bytes)) return 'other'
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return 'incomplete'
  // Bytes after the head are a second request, or a body that a plain request does not have.
  if (end + 4 !== bytes.length) return 'other'
  const [requestLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const target = REQUEST_LINE.exec(requestLine!)?.[1]
  if (target === undefined || lines.length > MAX_HEADERS) return 'other'
  if (!streams(target.split('?', 1)[0]!)) return 'other'
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon))
    const value = withoutPadding(line, colon + 1)
    if (!NAME.test(name) || !VALUE.test(value)) return 'other'
    const key = name.toLowerCase()
    if (headers.has(key) || UNUSUAL.has(key)) return 'other'
    headers.set(key, value)
  }
  const connection = headers.get('connection')
  const isKept = connection === undefined || connection.toLowerCase() === 'keep-alive'
  return isKept && headers.has('host') ? { target, headers } : 'other'
}

/** Whether a head that begins with these bytes can still become a plain request for a stream. */
export function mayBeStream(bytes: Buffer): boolean {
  const start = bytes.toString('latin1', 0, START.length)
  return START.startsWith(start)
}

/** The rest of a line without the spaces and tabs around it. */
function withoutPadding(line: string, from: number): string {
  let [start, end] = [from, line.length]
  while (start < end && isPadding(line.charCodeAt(start))) start += 1
  while (end > start && isPadding(line.charCodeAt(end - 1))) end -= 1
  return line.slice(start, end)
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0x09
}

/** The end of a head. */
const END = Buffer.from('\r\n\r\n')
const LEAST_CAPACITY = 256

/**
 * Collects a head as it arrives. Each byte is scanned once and copied a bounded number of times, no matter in how many
 * packets the head arrives.
 */
export class HeadBuffer {
  /** The first chunk as it arrived; from the second chunk on, a copy that doubles when it is full. */
  #bytes: Buffer = Buffer.alloc(0)
  #length = 0
  /** Up to where the empty line that ends a head was searched for. */
  #searched = 0
  #isComplete = false

  add(chunk: Buffer): void {
    const length = this.#length + chunk.length
    if (this.#length === 0) {
      this.#bytes = chunk
    } else {
      if (length > this.#bytes.length) {
        const grown = Buffer.allocUnsafeSlow(Math.max(LEAST_CAPACITY, 2 * length))
        this.#bytes.copy(grown, 0, 0, this.#length)
        this.#bytes = grown
      }
      chunk.copy(this.#bytes, this.#length)
    }
    this.#length = length
    // By the native search: a loop over the bytes takes ten times as long, and a client can send many.
    this.#isComplete ||= this.bytes.indexOf(END, this.#searched) !== -1
    // The line may be cut in two.
    this.#searched = Math.max(0, length - END.length + 1)
  }

  /** Whether the empty line that ends a head has arrived. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Everything that has arrived. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }
}
