import type { Exchange } from '../exchange.ts'
import { requireKnownOrigin } from '../origins.ts'

/**
 * Refuses a request that changes something if a page of another site caused it: a browser adds cookies to such requests.
 *
 * @throws HttpError `cross-origin`
 */
export function requireOwnPage(exchange: Exchange, allowOrigins: readonly string[] = []): void {
  const host = exchange.header('host') ?? ''
  const [origin, site] = [exchange.header('origin'), exchange.header('sec-fetch-site')]
  requireKnownOrigin({ allowed: allowOrigins, isSecure: false }, { origin, host, site })
}
