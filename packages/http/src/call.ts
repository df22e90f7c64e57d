import type { Hub } from '@tailrace/hub'
import type { Exchange, RequestHead } from './exchange.ts'
import type { Client, Gate } from './gate.ts'

/** A request that has passed the gate. */
export interface Call {
  readonly hub: Hub
  readonly gate: Gate
  readonly client: Client
  readonly exchange: Exchange
  readonly query: URLSearchParams
  /** What of the path the `*` of the route stands for, as it was sent; nothing where the route has none. */
  readonly rest: string | undefined
}

/** A request as far as a stream depends on it. */
export interface StreamRequest extends Pick<Call, 'query' | 'rest'> {
  readonly head: RequestHead
}
