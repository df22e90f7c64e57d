import type { Dialect } from './dialect.ts'
import type { LogReads } from './log-reads.ts'

/** The log as this node sees it: what readers need to find their place in it and to catch up. */
export interface LogView extends Pick<LogReads, 'read' | 'snapshot' | 'describe'> {
  readonly epoch: string
  /** The newest offset that this node's tail was told of: every lane's window reaches up to it. */
  readonly head: number
  /** Where a reader of what is new starts: no event whose publish was answered on this node comes after it. */
  readonly now: number
  /** What a stream ends with that cannot be served any more: when its reader may come back, and why. */
  lastWords(dialect: Dialect, code: 'log-unavailable' | 'busy'): Uint8Array
}
