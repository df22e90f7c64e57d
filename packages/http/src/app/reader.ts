import { HttpError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import { OPEN_GATE } from '../gate.ts'
import type { Client, Gate } from '../gate.ts'

/** Who reads, and until when. */
export interface Rights {
  /** When the rights of the reader end, in milliseconds since the epoch. The stream ends with them. @defaultValue never */
  readonly until?: number | undefined
  /**
   * The name of the reader, as `hub.survey` and `hub.revoke` see it. Readers take turns by it.
   *
   * @defaultValue their network: behind a proxy, that of the proxy; with a `Request`, one for all
   */
  readonly subject?: string | undefined
}

/** The gate of a request that the application has authorized, for as long as it said. */
export const APP_GATE: Gate = {
  ...OPEN_GATE,
  requireStill({ expiresAt = Infinity }) {
    if (expiresAt > Date.now()) return
    // With the time, because it may have been given in seconds.
    const ended = new Date(expiresAt).toJSON() ?? String(expiresAt)
    throw new HttpError('token-expired', `The rights of this reader ended at ${ended}.`)
  },
}

/**
 * The sender of a request, with the rights that the application gave it.
 *
 * @throws HttpError `token-expired` if they have ended; TypeError if `until` is not a number, because no time would come
 *   after it
 */
export function clientOf(
  { remoteAddress }: Pick<Exchange, 'remoteAddress'>,
  { until, subject }: Rights,
): Client {
  if (until !== undefined && (typeof until !== 'number' || Number.isNaN(until)))
    throw new TypeError(`\`until\` must be a number of milliseconds since the epoch, got ${String(until)}`)
  const client = { address: remoteAddress ?? '', subject, expiresAt: until }
  APP_GATE.requireStill(client)
  return client
}
