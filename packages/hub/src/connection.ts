import { networkOf } from './network.ts'

/** The reader of a stream, as identified by the server. The hub only passes this on. */
export interface Reader {
  /** How the bytes travel, in terms of the server. */
  readonly transport: string
  readonly address: string
  /** The subject of the token that opened it. */
  readonly subject: string | undefined
  /** Identifies the token or ticket that opened it, in terms of the server, so that its streams can be found and ended. */
  readonly credential: string | undefined
}

/** Readers with the same value take turns as one: their subject, or their network. */
export function clientOf(reader: Reader | undefined): string {
  if (reader?.subject !== undefined) return `subject ${reader.subject}`
  return `address ${networkOf(reader?.address ?? '')}`
}

/**
 * The state of a stream.
 *
 * - `live`: it has received everything.
 * - `behind`: it has room, and there is more for it.
 * - `blocked`: what was written to it has not left yet.
 * - `stalled`: it was blocked when last checked, and has been ever since.
 */
export type StreamState = 'live' | 'behind' | 'blocked' | 'stalled'

/** An open stream. */
export interface Connection {
  /** Unique among all streams of this hub, past and present. */
  readonly id: number
  readonly selectors: readonly string[]
  readonly state: StreamState
  /** The number of offsets of the log between what was written to it and the newest event for it. */
  readonly behind: number
  /** When it was opened, in milliseconds since the epoch. */
  readonly since: number
  /** When the rights of its reader end, in milliseconds since the epoch. */
  readonly until: number | undefined
  readonly reader: Reader | undefined
}
