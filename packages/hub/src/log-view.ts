import type { Dialect } from './dialect.ts'
import type { LogReads } from './log-reads.ts'

/** The log as this node sees it: everything that readers need to find their place in it and to catch up. */
export interface LogView extends Pick<LogReads, 'read' | 'snapshot' | 'describe'> {
  readonly epoch: string
  /** The newest offset that this node's tail has delivered. Every lane's window reaches up to it. */
  readonly head: number
  /** Where a reader of new events starts. Every publish that this node has acknowledged is at or before it. */
  readonly now: number
  /** The last message on a stream that can no longer be served: when its reader may return, and why. */
  lastWords(dialect: Dialect, code: 'log-unavailable' | 'busy' | 'snapshot-failed'): Uint8Array
  /** Called with failures of which readers learn only that a stream is over. */
  report(error: unknown): void
}
