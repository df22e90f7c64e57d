import type { IncomingMessage } from 'node:http'
import type { Reader } from '@tailrace/hub'
import type { Access, Facts } from '../auth/access.ts'
import { EVERYBODY, missingToken, requireSubscribe } from '../auth/access.ts'
import { corsHeaders } from '../auth/cors.ts'
import type { HeaderFields } from '../auth/cors.ts'
import type { OriginRules } from '../auth/origins.ts'
import type { Tickets } from '../auth/tickets.ts'
import type { Client, Limits } from '../limits/limits.ts'
import type { Pressure } from '../limits/pressure.ts'
import type { Transport } from '../observe/metrics.ts'
import { HttpError } from './problem.ts'

export interface GateOptions {
  readonly access: Access
  readonly limits: Limits
  readonly tickets: Tickets
  readonly origins: OriginRules
  /** Turns new streams away while there is too much to do. @defaultValue turns none away */
  readonly pressure?: Pressure | undefined
}

/** What a request passes before the hub hears of it: who asks, what they may, how much. */
export interface Gate {
  /** @throws HttpError as `Access.identify` does */
  identify(facts: Facts, remoteAddress: string | undefined): Promise<Client>
  /**
   * Lets a reader in, who counts until what this returns is called.
   *
   * @throws HttpError `draining`, `missing-token`, `forbidden`, `too-many-topics`, `too-many-connections` or `overloaded`
   */
  admit(client: Client, selectors: readonly string[]): () => void
  /** @throws HttpError `too-many-publishes` */
  spend(client: Client, events: number, bytes: number): void
  /** A ticket for whoever has a token, and not only a ticket. @throws HttpError `missing-token` */
  issueTicket(client: Client): Promise<string>
  corsHeaders(origin: string | undefined): HeaderFields
  /** Lets no reader in any more. */
  drain(): void
  readonly isDraining: boolean
}

export function createGate({ access, limits, tickets, origins, pressure }: GateOptions): Gate {
  let isDraining = false
  return {
    async identify(facts, remoteAddress) {
      const identity = await access.identify(facts)
      return { identity, address: limits.addressOf(remoteAddress, facts.header('x-forwarded-for')) }
    },
    admit(client, selectors) {
      if (isDraining) throw new HttpError('draining', 'This hub is about to stop: come back, to another one.')
      requireSubscribe(client.identity, selectors)
      const leave = limits.openStream(client, selectors.length)
      try {
        const release = pressure?.admit()
        return () => {
          leave()
          release?.()
        }
      } catch (error) {
        leave()
        throw error
      }
    },
    spend: (client, events, bytes) => limits.publish(client, events, bytes),
    async issueTicket({ identity }) {
      // Otherwise a ticket could be renewed for ever, by whoever saw one in a URL.
      if (identity.by !== 'token') throw missingToken('get a ticket')
      return tickets.issue(identity)
    },
    corsHeaders: (origin) => corsHeaders(origins, origin),
    drain() {
      isDraining = true
    },
    get isDraining() {
      return isDraining
    },
  }
}

/** For whoever mounts the hub behind checks of their own: whoever gets this far may do all. */
export const OPEN_GATE: Gate = {
  identify: async () => ({ identity: EVERYBODY, address: '' }),
  admit: () => () => undefined,
  spend: () => undefined,
  issueTicket: () => Promise.reject(missingToken('get a ticket')),
  corsHeaders: () => ({}),
  drain: () => undefined,
  isDraining: false,
}

/** What others may know of who reads a stream. */
export function readerOf({ address, identity: { subject } }: Client, transport: Transport): Reader {
  return { transport, address, subject }
}

/** What a request of `node:http` says of itself. */
export function factsOf({ method = '', headers }: IncomingMessage, query: URLSearchParams): Facts {
  return {
    method,
    // Of HTTP/2, whose `Host` this is (RFC 9113, section 8.3.1).
    header: (name) => (headers[name] ?? (name === 'host' ? headers[':authority'] : undefined))?.toString(),
    ticket: query.get('ticket') ?? undefined,
  }
}
