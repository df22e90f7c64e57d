/**
 * Finds where JSON values end, in bytes, without building any values: the result of `JSON.parse` can be a hundred times
 * as large as the text. Each byte is examined once.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const ZERO = 0x30
const LOWER_U = 0x75
const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'))
const LITERALS: readonly Buffer[] = ['true', 'false', 'null'].map((text) => Buffer.from(text))

/**
 * How deep arrays and objects may be nested. Recursive parsers fail not far beyond this, and a reader's parser might be
 * one.
 */
const MAX_DEPTH = 1_000

/** The end of the white space that begins at `at`. */
export function afterSpace(bytes: Uint8Array, at: number): number {
  while (bytes[at] === 0x20 || bytes[at] === 0x09 || bytes[at] === 0x0a || bytes[at] === 0x0d) at += 1
  return at
}

/** The end of the value (RFC 8259) that begins at `at`; -1 if no value begins there, or if it is nested too deeply. */
export function endOfValue(bytes: Uint8Array, at: number): number {
  /** The closing bracket of each open array and object. */
  const closers: number[] = []
  for (;;) {
    const first = bytes[at]
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      if (closers.length === MAX_DEPTH) return -1
      const closer = first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY
      at = afterSpace(bytes, at + 1)
      if (bytes[at] !== closer) {
        closers.push(closer)
        if (closer === CLOSE_OBJECT) at = afterName(bytes, at)
        if (at === -1) return -1
        continue
      }
      at += 1
    } else {
      at = endOfScalar(bytes, at)
      if (at === -1) return -1
    }
    // A value has ended, so the arrays and objects around it may end as well.
    for (;;) {
      const closer = closers.at(-1)
      if (closer === undefined) return at
      at = afterSpace(bytes, at)
      if (bytes[at] !== closer) break
      closers.pop()
      at += 1
    }
    if (bytes[at] !== COMMA) return -1
    at = afterSpace(bytes, at + 1)
    if (closers.at(-1) === CLOSE_OBJECT) at = afterName(bytes, at)
    if (at === -1) return -1
  }
}

/** The beginning of the value of the member whose name begins at `at`. */
function afterName(bytes: Uint8Array, at: number): number {
  const end = endOfString(bytes, at)
  if (end === -1) return -1
  const colon = afterSpace(bytes, end)
  return bytes[colon] === COLON ? afterSpace(bytes, colon + 1) : -1
}

function endOfScalar(bytes: Uint8Array, at: number): number {
  const first = bytes[at]
  if (first === QUOTE) return endOfString(bytes, at)
  if (first === MINUS || isDigit(first)) return endOfNumber(bytes, at)
  for (const literal of LITERALS) {
    if (first === literal[0] && literal.every((byte, i) => bytes[at + i] === byte)) return at + literal.length
  }
  return -1
}

/** The end of the string whose opening quote is at `at`; -1 if no string begins there. */
export function endOfString(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return -1
  for (at += 1; ; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte === undefined || byte < 0x20) return -1
    if (byte !== BACKSLASH) continue
    at += 1
    if (bytes[at] === LOWER_U) {
      for (const last = at + 4; at < last;) {
        at += 1
        if (!isHexDigit(bytes[at])) return -1
      }
    } else if (!ESCAPED.has(bytes[at]!)) return -1
  }
}

function endOfNumber(bytes: Uint8Array, at: number): number {
  if (bytes[at] === MINUS) at += 1
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at)
  if (at !== -1 && bytes[at] === POINT) at = endOfDigits(bytes, at + 1)
  if (at === -1 || (bytes[at]! | 0x20) !== 0x65) return at
  const sign = bytes[at + 1]
  return endOfDigits(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1)
}

/** The end of the digits that begin at `at`; -1 if no digit is there. */
function endOfDigits(bytes: Uint8Array, at: number): number {
  if (!isDigit(bytes[at])) return -1
  while (isDigit(bytes[at])) at += 1
  return at
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 0x39
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}
