import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hub, Peers } from '@tailrace/hub'
import type { Compression } from '../compression.ts'
import { problem } from '../problem.ts'
import { createProtocol } from '../protocol.ts'
import type { ProtocolOptions } from '../protocol.ts'
import { exchangeOf } from './exchange.ts'

/** How a hub is served on `node:http`. */
export interface HandlerOptions extends ProtocolOptions {
  /** What the system knows about readers. @defaultValue nothing */
  readonly peers?: Peers | undefined
  /** How answers are compressed, see `createCompression`. @defaultValue not at all */
  readonly compression?: Compression | undefined
}

/** Answers requests as defined in `spec/protocol.md`. Mounts in any server of `node:http`. */
export type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** Serves the protocol of a hub (`spec/protocol.md`) in any server of `node:http`. */
export function createHandler(hub: Hub, { peers, compression, ...options }: HandlerOptions): Handler {
  const answer = createProtocol(hub, options)
  return (request, response) => {
    const exchange = exchangeOf(request, response, { peers, compression })
    const { host, ':authority': authority } = request.headers
    // RFC 9113, section 8.3.1: the two must not differ.
    if (authority === undefined || host === undefined || host === authority) answer(exchange)
    else {
      options.onRefused?.('malformed-request')
      exchange.reject(problem('malformed-request', 'Host and :authority must not differ.'))
    }
  }
}
