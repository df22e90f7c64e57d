/** A text that is continued in the next event, and one that is not. */
const MORE = '+'
const LAST = '='
/** A UTF-16 code unit has at most so many bytes in UTF-8. */
const MAX_UNIT_BYTES = 3

/** Splits a text that may be larger than an event into the data of several. */
export function split(text: string, maxBytes: number): string[] {
  const most = Math.max(2, Math.floor((maxBytes - 1) / MAX_UNIT_BYTES))
  const parts: string[] = []
  let from = 0
  while (text.length - from > most) {
    // Between the two halves of a code point, both parts would be invalid.
    const isPair = /[\ud800-\udbff]/.test(text[from + most - 1]!)
    const to = from + most - (isPair ? 1 : 0)
    parts.push(MORE + text.slice(from, to))
    from = to
  }
  return [...parts, LAST + text.slice(from)]
}

/** Whether it is the last part of its text. */
export function isLast(part: string): boolean {
  return part.startsWith(LAST)
}

export function join(parts: readonly string[]): string {
  return parts.map((part) => part.slice(1)).join('')
}
