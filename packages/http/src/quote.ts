/** How much of a client's text is sent back to it, in characters. */
const MAX_QUOTED_LENGTH = 64

/** Quotes a client's text in a message. A long text is shortened to its beginning. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text)
}
