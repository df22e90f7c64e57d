/** How much of a client's own text is sent back to it. */
const MAX_QUOTED_LENGTH = 64

/** Quotes a client's text in a message: its beginning, when it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text)
}
