/** The maximum length of a cursor, in characters. */
export const MAX_CURSOR_LENGTH = 64

/** A position in a log, as readers receive it in `id:` and send it in `Last-Event-ID`; see {@link formatCursor}. */
export interface Cursor {
  readonly epoch: string
  readonly offset: number
}

const CURSOR = /^([a-z0-9]{1,32})\.(0|[1-9][0-9]{0,15})$/

/** Formats a cursor: `<epoch>.<offset>`. Readers treat it as opaque, so that it may change. */
export function formatCursor(epoch: string, offset: number): string {
  return `${epoch}.${offset}`
}

/** Parses a cursor. `undefined` for every text that {@link formatCursor} cannot have produced. */
export function parseCursor(text: string): Cursor | undefined {
  if (text.length > MAX_CURSOR_LENGTH) return undefined
  const match = CURSOR.exec(text)
  const offset = Number(match?.[2])
  return match !== null && Number.isSafeInteger(offset) ? { epoch: match[1]!, offset } : undefined
}

/** Mints the secret of a log. */
export function mintSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

/** Mints an epoch of 40 random bits: the chance that two epochs are equal is one in a million million. */
export function mintEpoch(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return Array.from(bytes, (byte) => 'abcdefghijkmnpqrstuvwxyz23456789'[byte % 32]).join('')
}
