import { HttpError } from '@tailrace/http'
import type { Facts } from '@tailrace/http'
import { requireKnownOrigin, requireLoopbackHost, requireReadableOrigin } from '@tailrace/http/gate'
import type { OriginRules } from '@tailrace/http/gate'
import { credentialOf } from './credentials.ts'
import type { Credential } from './credentials.ts'
import type { Identity } from './identity.ts'
import { revokedError } from './revocations.ts'
import type { Revocations } from './revocations.ts'
import { ALL_RIGHTS } from './rights.ts'
import type { Rights } from './rights.ts'
import type { Tickets } from './tickets.ts'
import type { Verifier } from './verifier.ts'

export interface AccessOptions {
  /** Undefined on a hub without keys. */
  readonly verify: Verifier | undefined
  readonly tickets: Tickets
  readonly revocations: Revocations
  /** The rights of requests without a token. */
  readonly anonymous: Rights
  /** There are no keys, and only this machine can reach the hub: every request may do everything. */
  readonly isLocal: boolean
  /** Accepts only names and addresses of this machine as `Host`, and only pages of its own and of allowed origins. */
  readonly isPrivate: boolean
  readonly origins: OriginRules
  readonly cookieName: string
}

/** Decides who may do what. */
export interface Access {
  /**
   * Identifies the sender of a request, after checking that no foreign page caused it. Only a credential takes a
   * promise to verify.
   *
   * @throws HttpError `foreign-host`, `cross-origin`, `invalid-token`, `token-expired`, `invalid-ticket`,
   * `revoked` or `keys-unavailable`, LogError if it is unknown what is revoked
   */
  identify(facts: Facts): Identity | Promise<Identity>
  /** Checks again, for work that takes a while between the request and the response. @throws HttpError `revoked` */
  requireStill(identity: Identity): void
}

export function withoutToken(rights: Rights): Identity {
  const unknown = { subject: undefined, expiresAt: undefined, issuedAt: undefined, credential: undefined }
  return { by: 'nobody', rights, ...unknown }
}

/** The identity of every request, if every request may do everything. */
export const EVERYBODY: Identity = withoutToken(ALL_RIGHTS)

export function createAccess(options: AccessOptions): Access {
  const { verify, tickets, revocations, isLocal, isPrivate, origins, cookieName } = options
  const anonymous = withoutToken(options.anonymous)
  /** The last `Host` that was accepted. Most requests have the same one, and need not be examined again. */
  let knownHost: string | undefined

  function requireOwnHost(host: string): void {
    if (host === knownHost) return
    requireLoopbackHost(host)
    knownHost = host
  }

  function requireOwnWill(facts: Facts, credential: Credential | undefined): void {
    const isWrite = facts.method !== 'GET' && facts.method !== 'HEAD'
    const page = {
      origin: facts.header('origin'),
      host: facts.header('host') ?? '',
      site: facts.header('sec-fetch-site'),
    }
    // A browser adds cookies by itself, and without keys no credential is needed: neither shows that the user
    // intended the request.
    if (isWrite && (credential === undefined || credential.kind === 'cookie'))
      requireKnownOrigin(origins, page)
    // A page cannot read the response, but it can make the hub work.
    if (!isWrite && isPrivate && !isVisit(facts)) requireReadableOrigin(origins, page)
  }

  function requireStill(identity: Identity): void {
    if (revocations.isRevoked(identity)) throw revokedError()
  }

  async function verified(credential: Credential, check: Verifier): Promise<Identity> {
    await revocations.requireCurrent()
    const identity = await (credential.kind === 'ticket'
      ? tickets.redeem(credential.ticket)
      : check(credential.token))
    requireStill(identity)
    return identity
  }

  return {
    requireStill,

    identify(facts) {
      if (isPrivate) requireOwnHost(facts.header('host') ?? 'localhost')
      const { ticket } = facts
      const asker = { authorization: facts.header('authorization'), cookie: facts.header('cookie'), ticket }
      const credential = verify === undefined ? undefined : credentialOf(asker, cookieName)
      requireOwnWill(facts, credential)
      if (isLocal) return EVERYBODY
      if (credential === undefined || verify === undefined) return anonymous
      return verified(credential, verify)
    },
  }
}

/** A person opens the address in a tab: a single request, which they see. */
function isVisit(facts: Facts): boolean {
  return facts.header('sec-fetch-mode') === 'navigate' && facts.header('sec-fetch-dest') === 'document'
}

/** The answer to a client that may not do something. */
export function refusal({ by }: Identity, what: string): HttpError {
  return by === 'nobody'
    ? missingToken(what)
    : new HttpError('forbidden', `The ${by} does not allow you to ${what}.`)
}

export function missingToken(what: string): HttpError {
  return new HttpError('missing-token', `A token is required to ${what}: send Authorization: Bearer ….`, {
    headers: {
      'WWW-Authenticate': 'Bearer',
    },
  })
}
