import { HttpError } from '../http/problem.ts'
import { credentialOf } from './credentials.ts'
import type { Credential } from './credentials.ts'
import type { Identity } from './identity.ts'
import { requireKnownOrigin, requireLoopbackHost, requireReadableOrigin } from './origins.ts'
import type { OriginRules } from './origins.ts'
import { revokedError } from './revocations.ts'
import type { Revocations } from './revocations.ts'
import { ALL_RIGHTS, mayPublish, maySubscribe } from './rights.ts'
import type { Rights } from './rights.ts'
import type { Tickets } from './tickets.ts'
import type { Verifier } from './verifier.ts'

/** The parts of a request that decide whether it is answered. */
export interface Facts {
  readonly method: string
  /** The value of a header that was given once, by its lower-case name. Each character is one byte. */
  header(name: string): string | undefined
  readonly ticket: string | undefined
}

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
   * Identifies the sender of a request, after checking that no foreign page caused it.
   *
   * @throws HttpError `foreign-host`, `cross-origin`, `invalid-token`, `token-expired`, `invalid-ticket`,
   * `revoked` or `keys-unavailable`
   */
  identify(facts: Facts): Promise<Identity>
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

  return {
    requireStill,

    async identify(facts) {
      if (isPrivate) requireLoopbackHost(facts.header('host') ?? 'localhost')
      const { ticket } = facts
      const asker = { authorization: facts.header('authorization'), cookie: facts.header('cookie'), ticket }
      const credential = verify === undefined ? undefined : credentialOf(asker, cookieName)
      requireOwnWill(facts, credential)
      if (isLocal) return EVERYBODY
      if (credential === undefined || verify === undefined) return anonymous
      const identity = await (credential.kind === 'ticket'
        ? tickets.redeem(credential.ticket)
        : verify(credential.token))
      requireStill(identity)
      return identity
    },
  }
}

/** A person opens the address in a tab: a single request, which they see. */
function isVisit(facts: Facts): boolean {
  return facts.header('sec-fetch-mode') === 'navigate' && facts.header('sec-fetch-dest') === 'document'
}

/** @throws HttpError `missing-token` or `forbidden` */
export function requirePublish(identity: Identity, topics: Iterable<string>): void {
  const isAllowed = mayPublish(identity.rights)
  for (const topic of topics) if (!isAllowed(topic)) throw refusal(identity, `publish to ${topic}`)
}

/** For a publish whose topics are not known yet. @throws HttpError `missing-token` or `forbidden` */
export function requireAnyPublish(identity: Identity): void {
  if (identity.rights.publish.length === 0) throw refusal(identity, 'publish')
}

/** @throws HttpError `missing-token` or `forbidden` */
export function requireSubscribe(identity: Identity, selectors: readonly string[]): void {
  const isCovered = maySubscribe(identity.rights)
  for (const selector of selectors) {
    if (!isCovered(selector)) throw refusal(identity, `subscribe to ${selector}`)
  }
}

/**
 * For a list, which contains only topics that may be subscribed to. @throws HttpError `missing-token` or
 * `forbidden`
 */
export function requireAnySubscribe(identity: Identity): void {
  if (identity.rights.subscribe.length === 0) throw refusal(identity, 'list topics')
}

/**
 * A ticket may appear in an access log that others read, so it can only open streams. @throws HttpError
 * `forbidden`
 */
export function requireNoTicket({ by }: Identity): void {
  if (by !== 'ticket') return
  throw new HttpError('forbidden', 'A ticket can only open streams: use a token to read history.')
}

/**
 * With a ticket instead of a token, anyone who saw a ticket in a URL could renew it for ever. @throws HttpError
 * `missing-token`
 */
export function requireToken({ by }: Identity): void {
  if (by !== 'token') throw missingToken('get a ticket')
}

/** @throws HttpError `missing-token` or `forbidden` */
export function requireAdmin(identity: Identity): void {
  if (!identity.rights.isAdmin) throw refusal(identity, 'administer this hub')
}

function refusal({ by }: Identity, what: string): HttpError {
  if (by === 'app') {
    return new HttpError(
      'forbidden',
      `You are not allowed to ${what}: the gate passed to createHandler refuses it.`,
    )
  }
  return by === 'nobody'
    ? missingToken(what)
    : new HttpError('forbidden', `The ${by} does not allow you to ${what}.`)
}

export function missingToken(what: string): HttpError {
  return new HttpError(
    'missing-token',
    `A token is required to ${what}: send Authorization: Bearer ….`,
    {},
    {
      'WWW-Authenticate': 'Bearer',
    },
  )
}
