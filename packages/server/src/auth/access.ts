import { HttpError } from '@tailrace/http'
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

/** What of a request decides whether it is answered. */
export interface Facts {
  readonly method: string
  /** Of a header that is given once, by its lower-case name; each character is a byte. */
  header(name: string): string | undefined
  readonly ticket: string | undefined
}

export interface AccessOptions {
  /** Nothing on a hub without keys. */
  readonly verify: Verifier | undefined
  readonly tickets: Tickets
  readonly revocations: Revocations
  /** What those without a token may do. */
  readonly anonymous: Rights
  /** Without keys, and only to be reached from this machine: whoever asks may do all. */
  readonly isLocal: boolean
  /** Answers only to names and addresses of this machine, and to pages of its own and of allowed origins. */
  readonly isPrivate: boolean
  readonly origins: OriginRules
  readonly cookieName: string
}

/** Decides who may do what. */
export interface Access {
  /**
   * Who asks, once it is clear that they ask on purpose.
   *
   * @throws HttpError `foreign-host`, `cross-origin`, `invalid-token`, `token-expired`, `invalid-ticket`, `revoked` or
   * `keys-unavailable`
   */
  identify(facts: Facts): Promise<Identity>
  /** For what takes a while between the question and the answer. @throws HttpError `revoked` */
  requireStill(identity: Identity): void
}

export function withoutToken(rights: Rights): Identity {
  const unknown = { subject: undefined, expiresAt: undefined, issuedAt: undefined, credential: undefined }
  return { by: 'nobody', rights, ...unknown }
}

/** Whoever asks, where whoever asks may do all. */
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
    // A cookie is added by the browser, and no credential is needed by anybody: neither says who made it ask.
    if (isWrite && (credential === undefined || credential.kind === 'cookie'))
      requireKnownOrigin(origins, page)
    // A page cannot read the answer, but it can make the hub work for it.
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

/** Somebody opens it in a tab: one request, which they see. */
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

/** For a list, which has what may be subscribed to. @throws HttpError `missing-token` or `forbidden` */
export function requireAnySubscribe(identity: Identity): void {
  if (identity.rights.subscribe.length === 0) throw refusal(identity, 'list topics')
}

/** A ticket may stand in a log for anybody to read: it opens streams only. @throws HttpError `forbidden` */
export function requireNoTicket({ by }: Identity): void {
  if (by !== 'ticket') return
  throw new HttpError('forbidden', 'A ticket opens streams only: read history with a token.')
}

/** A ticket could be renewed for ever by whoever saw one in a URL. @throws HttpError `missing-token` */
export function requireToken({ by }: Identity): void {
  if (by !== 'token') throw missingToken('get a ticket')
}

/** @throws HttpError `missing-token` or `forbidden` */
export function requireAdmin(identity: Identity): void {
  if (!identity.rights.isAdmin) throw refusal(identity, 'administer this hub')
}

function refusal({ by }: Identity, what: string): HttpError {
  if (by === 'app') {
    return new HttpError('forbidden', `Not allowed to ${what}: the gate given to createHandler decides.`)
  }
  return by === 'nobody'
    ? missingToken(what)
    : new HttpError('forbidden', `The ${by} gives no right to ${what}.`)
}

export function missingToken(what: string): HttpError {
  return new HttpError('missing-token', `To ${what} takes a token: Authorization: Bearer ….`, {
    headers: {
      'WWW-Authenticate': 'Bearer',
    },
  })
}
