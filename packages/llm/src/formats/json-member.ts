/**
 * Finds a member of the outermost object of a JSON text, without building any values: frames can be megabytes of
 * Base64, and arrive once per token. Each character is examined once; strings are skipped by `indexOf`.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

const FALSY = ['null', 'false', '""']

/** Whether a JSON text is an object with a member that is neither absent nor `null`, `false` or empty text. */
export function hasMember(json: string, name: string): boolean {
  const at = valueAt(json, name)
  return at !== -1 && !FALSY.some((value) => json.startsWith(value, at))
}

/** The text of a string member, as it is written; undefined if there is none. */
export function textMember(json: string, name: string): string | undefined {
  const at = valueAt(json, name)
  return json.charCodeAt(at) === QUOTE ? json.slice(at + 1, endOfString(json, at)) : undefined
}

/** Where the value of a member begins; -1 if there is no such member. */
function valueAt(json: string, name: string): number {
  // No string within another string matches, because its quotes are escaped.
  if (!json.includes(`"${name}"`)) return -1
  let depth = 0
  for (let at = 0; at < json.length; at += 1) {
    const character = json.charCodeAt(at)
    if (character === QUOTE) {
      const end = endOfString(json, at)
      if (depth === 1 && end === at + 1 + name.length && json.startsWith(name, at + 1)) {
        const colon = afterSpace(json, end + 1)
        if (json.charCodeAt(colon) === COLON) return afterSpace(json, colon + 1)
      }
      at = end
    } else if (character === OPEN_OBJECT || character === OPEN_ARRAY) depth += 1
    else if (character === CLOSE_OBJECT || character === CLOSE_ARRAY) depth -= 1
  }
  return -1
}

/** The closing quote of the string that begins at `open`; the end of the text if it is not closed. */
function endOfString(json: string, open: number): number {
  for (let at = json.indexOf('"', open + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let first = at
    while (json.charCodeAt(first - 1) === BACKSLASH) first -= 1
    if ((at - first) % 2 === 0) return at
  }
  return json.length
}

function afterSpace(json: string, at: number): number {
  for (; ; at += 1) {
    const character = json.charCodeAt(at)
    if (character !== 0x20 && character !== 0x09 && character !== 0x0a && character !== 0x0d) return at
  }
}
