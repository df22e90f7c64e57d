import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Reader } from '@tailrace/hub'
import type { Access, Facts } from '../auth/access.ts'
import { EVERYBODY, missingToken, requireSubscribe } from '../auth/access.ts'
import { corsHeaders } from '../auth/cors.ts'
import type { HeaderFields } from '../auth/cors.ts'
import type { OriginRules } from '../auth/origins.ts'
import type { Revocations, Revoked } from '../auth/revocations.ts'
import { createSeal } from '../auth/seal.ts'
import type { Seal } from '../auth/seal.ts'
import type { IssuedTicket, Tickets } from '../auth/tickets.ts'
import { Budget } from '../limits/budget.ts'
import type { Client, Limits } from '../limits/limits.ts'
import type { Pressure } from '../limits/pressure.ts'
import type { Transport } from '../observe/metrics.ts'
import { HttpError } from './problem.ts'

export interface GateOptions {
  readonly access: Access
  readonly limits: Limits
  readonly tickets: Tickets
  readonly revocations: Revocations
  readonly seal: Seal
  readonly origins: OriginRules
  /** Is shown each request before it is judged. @defaultValue nothing */
  readonly hint?: ((facts: Facts) => void) | undefined
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
  /**
   * Counts a request for a page of history until what this returns is called.
   *
   * @throws HttpError `missing-token`, `forbidden` or `too-many-connections`
   */
  admitPage(client: Client, selectors: readonly string[]): () => void
  /** Whether the client may publish so much now. @throws HttpError `too-many-publishes` or `batch-too-large` */
  requireRate(client: Client, events?: number, bytes?: number): void
  /** Charges what a publish has cost, whether or not it was refused. */
  charge(client: Client, events: number, bytes: number): void
  /** Memory for request bodies that are being received. */
  readonly bodies: Budget
  /** Memory for pages of history that are being sent. */
  readonly pages: Budget
  /** For what takes a while between the question and the answer. @throws HttpError `revoked` */
  requireStill(client: Client): void
  /**
   * Issues a ticket for some selectors to a client with a token. It counts as a publish of one event: its first use is a
   * write.
   *
   * @throws HttpError `forbidden`, `too-many-topics` or `too-many-publishes`
   */
  issueTicket(client: Client, selectors: readonly string[]): Promise<IssuedTicket>
  /** Refuses a token, a ticket or a subject from now on. @throws HttpError `too-many-revocations` */
  revoke(revoked: Revoked): Promise<void>
  /** For what clients carry and may not see. */
  readonly seal: Seal
  corsHeaders(origin: string | undefined): HeaderFields
  /** Lets no reader in any more. */
  drain(): void
  readonly isDraining: boolean
}

export function createGate(options: GateOptions): Gate {
  const { access, limits, tickets, revocations, seal, origins, pressure, hint } = options
  let isDraining = false
  return {
    async identify(facts, remoteAddress) {
      hint?.(facts)
      const identity = await access.identify(facts)
      return { identity, address: limits.addressOf(remoteAddress, facts.header('x-forwarded-for')) }
    },
    admit(client, selectors) {
      if (isDraining) throw new HttpError('draining', 'This hub is shutting down: reconnect to another one.')
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
    admitPage(client, selectors) {
      requireSubscribe(client.identity, selectors)
      return limits.openPage(client)
    },
    requireRate: limits.requireRate,
    charge: limits.charge,
    bodies: limits.bodies,
    pages: limits.pages,
    requireStill: ({ identity }) => access.requireStill(identity),
    async issueTicket(client, selectors) {
      const { identity } = client
      requireSubscribe(identity, selectors)
      limits.requireFewTopics(selectors.length)
      limits.requireRate(client)
      limits.charge(client, 1, 0)
      return tickets.issue(identity, selectors)
    },
    revoke: (revoked) => revocations.revoke(revoked),
    seal,
    corsHeaders: (origin) => corsHeaders(origins, origin),
    drain() {
      isDraining = true
    },
    get isDraining() {
      return isDraining
    },
  }
}

/** Lets everyone do everything. */
export const OPEN_GATE: Gate = {
  identify: async () => ({ identity: EVERYBODY, address: '' }),
  admit: () => () => undefined,
  admitPage: () => () => undefined,
  requireRate: () => undefined,
  charge: () => undefined,
  bodies: new Budget('max-bodies'),
  pages: new Budget('max-history'),
  requireStill: () => undefined,
  issueTicket: () => Promise.reject(missingToken('get a ticket')),
  // There is nothing that could come back and be refused.
  revoke: async () => undefined,
  seal: createSeal(randomBytes(32).toString('base64url')),
  corsHeaders: () => ({}),
  drain: () => undefined,
  isDraining: false,
}

/** What others may know of who reads a stream. */
export function readerOf(
  { address, identity: { subject, credential } }: Client,
  transport: Transport,
): Reader {
  return { transport, address, subject, credential }
}

/** What a request of `node:http` says of itself. */
export function factsOf({ method = '', headers }: IncomingMessage, ticket: string | undefined): Facts {
  const authority = headers[':authority']
  // RFC 9113, section 8.3.1: one must not say something else than the other.
  if (authority !== undefined && headers.host !== undefined && headers.host !== authority)
    throw new HttpError('malformed-request', 'Host and :authority must not differ.')
  return {
    method,
    header: (name) => (headers[name] ?? (name === 'host' ? authority : undefined))?.toString(),
    ticket,
  }
}
