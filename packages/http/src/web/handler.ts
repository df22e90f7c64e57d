import type { Hub } from '@tailrace/hub'
import type { Compression } from '../compression.ts'
import { createProtocol } from '../protocol.ts'
import type { ProtocolOptions } from '../protocol.ts'
import { WebExchange } from './exchange.ts'

/** How a hub is served with `Request` and `Response`. */
export interface WebHandlerOptions extends ProtocolOptions {
  /** The part of the path under which the hub is mounted, such as `/hub`. @defaultValue none */
  readonly prefix?: string | undefined
  /** How answers are compressed, see `createCompression` of `@tailrace/http/node`. @defaultValue not at all */
  readonly compression?: Compression | undefined
}

/**
 * Answers a request as defined in `spec/protocol.md`. The signal of the request is aborted when its reader is gone.
 *
 * @param remoteAddress - the address from which the request comes, if the runtime provides it
 */
export type WebHandler = (request: Request, remoteAddress?: string) => Promise<Response>

/** The hub's protocol wherever there are `Request` and `Response`: Deno, Bun, Hono, and Node with an adapter. */
export function createWebHandler(
  hub: Hub,
  { prefix, compression, ...options }: WebHandlerOptions,
): WebHandler {
  const answer = createProtocol(hub, options)
  return (request, remoteAddress) => {
    const exchange = new WebExchange(request, { prefix, remoteAddress, compression })
    answer(exchange)
    return exchange.response
  }
}
