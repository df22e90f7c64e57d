import { HttpError } from '@tailrace/http'
import type { Client, Facts, Gate } from '@tailrace/http'
import { corsHeaders } from '@tailrace/http/gate'
import type { OriginRules, Seal } from '@tailrace/http/gate'
import { missingToken, refusal } from './auth/access.ts'
import type { Access } from './auth/access.ts'
import type { Identity } from './auth/identity.ts'
import type { Revocations } from './auth/revocations.ts'
import { mayPublish, maySubscribe } from './auth/rights.ts'
import type { Tickets } from './auth/tickets.ts'
import type { Limits } from './limits/limits.ts'

export interface GateOptions {
  readonly access: Access
  readonly limits: Limits
  readonly tickets: Tickets
  readonly revocations: Revocations
  readonly seal: Seal
  readonly origins: OriginRules
  /** Called with each request before it is decided. @defaultValue nothing is called */
  readonly hint?: ((facts: Facts) => void) | undefined
}

/** A client, with the identity and rights from its token, or from the lack of one. */
export type Visitor = Client & Identity

/** The gate of a hub that decides by tokens. */
export function createGate(options: GateOptions): Gate {
  const { access, limits, tickets, revocations, seal, origins, hint } = options
  return {
    identify(facts, remoteAddress) {
      hint?.(facts)
      const identity = access.identify(facts)
      const address = limits.addressOf(remoteAddress, facts.header('x-forwarded-for'))
      if (identity instanceof Promise) return identity.then((known) => ({ ...known, address }))
      return { ...identity, address }
    },
    mayPublish(client: Visitor, topic) {
      const { rights } = client
      const isAllowed = topic === undefined ? rights.publish.length > 0 : mayPublish(rights)(topic)
      if (isAllowed) return true
      throw refusal(client, topic === undefined ? 'publish' : `publish to ${topic}`)
    },
    mayRead(client: Visitor, selectors, use) {
      // A ticket may appear in an access log that others read.
      if (client.by === 'ticket' && use !== 'stream')
        throw new HttpError('forbidden', 'A ticket can only open streams: use a token to read history.')
      const isCovered = maySubscribe(client.rights)
      const refused = selectors.find((selector) => !isCovered(selector))
      if (refused === undefined) return true
      if (use === 'list') return false
      throw refusal(client, `subscribe to ${refused}`)
    },
    mayAdminister(client: Visitor) {
      if (client.rights.isAdmin) return true
      throw refusal(client, 'administer this hub')
    },
    readable(client: Visitor) {
      const { subscribe } = client.rights
      if (subscribe.length === 0) throw refusal(client, 'list topics')
      return subscribe
    },
    admit: (client, selectors) => limits.openStream(client, selectors.length),
    admitPage: limits.openPage,
    requireRate: limits.requireRate,
    charge: limits.charge,
    bodies: limits.bodies,
    pages: limits.pages,
    requireStill: (client: Visitor) => access.requireStill(client),
    mayGetTicket(client: Visitor) {
      // If a ticket were enough, anyone who saw one in a URL could renew it forever.
      if (client.by !== 'token') throw missingToken('get a ticket')
      return true
    },
    async issueTicket(client: Visitor, selectors) {
      await this.mayRead(client, selectors, 'stream')
      limits.requireFewTopics(selectors.length)
      limits.requireRate(client)
      limits.charge(client, 1, 0)
      return tickets.issue(client, selectors)
    },
    revoke: (revoked) => revocations.revoke(revoked),
    seal,
    corsHeaders: (origin) => corsHeaders(origins, origin),
    isDraining: false,
  }
}
