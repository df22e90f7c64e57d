import type { EventLog } from '@tailrace/log'

/** The log as this node sees it: what readers need to find their place in it and to catch up. */
export interface LogView extends Pick<EventLog, 'read' | 'snapshot' | 'describe'> {
  readonly epoch: string
  /** The newest offset that this node's tail was told of: every lane's window reaches up to it. */
  readonly head: number
}
