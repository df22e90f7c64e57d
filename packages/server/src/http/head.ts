/** The head of a request for a stream, as plain as can be. */
export interface StreamHead {
  /** The request target: `/topics/…` or `/events?…`. */
  readonly target: string
  /** Values by lower-case name; each character is a byte. */
  readonly headers: ReadonlyMap<string, string>
}

/** More headers than any reader sends. */
const MAX_HEADERS = 64
const START = 'GET /'
const REQUEST_LINE = /^GET (\/(?:topics\/|events(?![^?]))[\x21-\x7e]*) HTTP\/1\.1$/
// RFC 9110, section 5: a token, and a value without control characters (5.5) or the folding of old (RFC 9112, 5.2).
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/
/** What changes how a request is read or answered. */
const UNUSUAL: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Reads the head of a plain request for a stream. Strict on purpose: whatever it does not know in full is
 * `other`, and left to `node:http`, which answers or refuses it. So a mistake here costs memory, and never
 * lets a request mean two things.
 */
export function readHead(bytes: Buffer): StreamHead | 'incomplete' | 'other' {
  const start = bytes.toString('latin1', 0, START.length)
  if (!START.startsWith(start) && start !== START) return 'other'
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return 'incomplete'
  // What follows the head is a second request, or a body that has no business here.
  if (end + 4 !== bytes.length) return 'other'
  const [requestLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const target = REQUEST_LINE.exec(requestLine!)?.[1]
  if (target === undefined || lines.length > MAX_HEADERS) return 'other'
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? []
    const key = name?.toLowerCase()
    if (key === undefined || headers.has(key) || UNUSUAL.has(key)) return 'other'
    headers.set(key, value!)
  }
  const connection = headers.get('connection')
  const isKept = connection === undefined || connection.toLowerCase() === 'keep-alive'
  return isKept && headers.has('host') ? { target, headers } : 'other'
}
