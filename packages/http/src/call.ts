import type { Hub } from '@tailrace/hub'
import type { Exchange, RequestHead } from './exchange.ts'
import type { Client, Gate } from './gate.ts'
import type { Processes } from './processes.ts'

/** A request that has passed the gate. */
export interface Admitted {
  readonly hub: Hub
  readonly gate: Gate
  readonly client: Client
  readonly exchange: Exchange
}

/** The same, for a route of a table. */
export interface Call extends Admitted {
  readonly processes: Processes
  readonly query: URLSearchParams
  /** The part of the path that the `*` of the route stands for, as it was sent. Undefined if the route has no `*`. */
  readonly rest: string | undefined
}

/** The parts of a request that a stream depends on. */
export interface StreamRequest extends Pick<Call, 'query' | 'rest'> {
  readonly head: RequestHead
}
