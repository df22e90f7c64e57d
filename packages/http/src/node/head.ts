/** The head of a plain request. */
export interface PlainHead {
  readonly method: PlainMethod
  /** The request target: a path, perhaps with a query. */
  readonly target: string
  /** Values by lower-case name; each character is a byte. */
  readonly headers: ReadonlyMap<string, string>
  /** The length of its body, in bytes. 0 for a `GET`. */
  readonly bodyLength: number
}

export type PlainMethod = 'GET' | 'POST'

/** More headers than any plain client sends. */
const MAX_HEADERS = 64
const STARTS = ['GET /', 'POST /'] as const
const LINE_END = '\r\n'
// Each of these is one class between anchors, or has no adjacent classes that overlap, so none of them backtracks.
const REQUEST_LINE = /^(GET|POST) (\/[\x21-\x7e]*) HTTP\/1\.1$/
/** RFC 9110, section 5.1. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Without control characters (RFC 9110, section 5.5) and obsolete line folding (RFC 9112, section 5.2). */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const LENGTH = /^(?:0|[1-9][0-9]{0,9})$/
/** Headers that change how a request is read or answered. */
const UNUSUAL: ReadonlySet<string> = new Set([
  'expect',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Reads the head of a plain request. Strict on purpose: anything that it does not fully understand is `other`, and left
 * to `node:http`, which answers or refuses it. So a mistake here costs time or memory, but never gives a request two
 * meanings.
 *
 * @param bytes - everything that has arrived
 * @param end - the length of the head with the empty line that ends it
 * @param takes - whether plain requests with a method for a path are wanted
 */
export function readHead(
  bytes: Buffer,
  end: number,
  takes: (method: PlainMethod, path: string) => boolean,
): PlainHead | 'other' {
  const text = bytes.toString('latin1', 0, end - LINE_END.length)
  let at = text.indexOf(LINE_END)
  const [, method, target] = (REQUEST_LINE.exec(text.slice(0, at)) ?? []) as [string, PlainMethod?, string?]
  if (method === undefined || target === undefined || !takes(method, pathOf(target))) return 'other'
  // Bytes after the head are a second request, or a body that no plain `GET` has.
  if (method === 'GET' && end !== bytes.length) return 'other'
  const headers = new Map<string, string>()
  at += LINE_END.length
  while (at < text.length) {
    const lineEnd = text.indexOf(LINE_END, at)
    // If the line has no colon, its name extends into another line.
    const colon = text.indexOf(':', at)
    if (colon === -1) return 'other'
    const name = text.slice(at, colon)
    const value = withoutPadding(text, colon + 1, lineEnd)
    if (!NAME.test(name) || !VALUE.test(value)) return 'other'
    const key = name.toLowerCase()
    if (headers.has(key) || UNUSUAL.has(key) || headers.size === MAX_HEADERS) return 'other'
    headers.set(key, value)
    at = lineEnd + LINE_END.length
  }
  const connection = headers.get('connection')
  const isKept = connection === undefined || connection.toLowerCase() === 'keep-alive'
  if (!isKept || !headers.has('host')) return 'other'
  const length = headers.get('content-length')
  if (length !== undefined && (method === 'GET' || !LENGTH.test(length))) return 'other'
  return { method, target, headers, bodyLength: Number(length ?? 0) }
}

/** Whether a head that begins with these bytes can still become that of a plain request. */
export function mayBePlain(bytes: Buffer): boolean {
  return STARTS.some((start) => start.startsWith(bytes.toString('latin1', 0, start.length)))
}

function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}

/** A part of a text without the spaces and tabs around it. */
function withoutPadding(text: string, from: number, to: number): string {
  let [start, end] = [from, to]
  while (start < end && isPadding(text.charCodeAt(start))) start += 1
  while (end > start && isPadding(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isPadding(code: number): boolean {
  return code === 0x20 || code === 0x09
}
