/** Who reads a stream, as far as the server that let them in knows. The hub only passes it on. */
export interface Reader {
  /** How its bytes travel, in the words of the server. */
  readonly transport: string
  readonly address: string
  /** Whose token it came with. */
  readonly subject: string | undefined
  /** Names what it came with, in the words of the server, so that it can be told from others and ended. */
  readonly credential: string | undefined
}

/** What readers are told apart by when they take turns: their subject, or their address. */
export function clientOf(reader: Reader | undefined): string {
  if (reader?.subject !== undefined) return `subject ${reader.subject}`
  return `address ${reader?.address ?? ''}`
}

/**
 * How a stream is.
 *
 * - `live`: it was handed everything.
 * - `behind`: it has room, and there is more for it.
 * - `blocked`: what it was handed has not left yet.
 * - `stalled`: that was so when it was last looked after, and has been ever since.
 */
export type StreamState = 'live' | 'behind' | 'blocked' | 'stalled'

/** An open stream. */
export interface Connection {
  /** No other stream of this hub has or had it. */
  readonly id: number
  readonly selectors: readonly string[]
  readonly state: StreamState
  /** How many offsets of the log lie between what it was handed and the newest event for it. */
  readonly behind: number
  /** When it was opened, in milliseconds of the epoch. */
  readonly since: number
  /** When the rights of its reader end, in milliseconds of the epoch. */
  readonly until: number | undefined
  readonly reader: Reader | undefined
}
