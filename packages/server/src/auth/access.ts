import { HttpError } from '../http/problem.ts'
import { credentialOf } from './credentials.ts'
import type { Credential } from './credentials.ts'
import type { Identity } from './identity.ts'
import { requireKnownOrigin, requireLoopbackHost } from './origins.ts'
import type { OriginRules } from './origins.ts'
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
  /** What those without a token may do. */
  readonly anonymous: Rights
  /** Without keys, and only to be reached from this machine: whoever asks may do all. */
  readonly isLocal: boolean
  /** Answers only to names and addresses of this machine. */
  readonly requiresLoopbackHost: boolean
  readonly origins: OriginRules
  readonly cookieName: string
}

/** Decides who may do what. */
export interface Access {
  /**
   * Who asks, once it is clear that they ask on purpose.
   *
   * @throws HttpError `foreign-host`, `cross-origin`, `invalid-token`, `token-expired`, `invalid-ticket` or
   * `keys-unavailable`
   */
  identify(facts: Facts): Promise<Identity>
}

export function withoutToken(rights: Rights): Identity {
  return { by: 'nobody', subject: undefined, rights, expiresAt: undefined }
}

/** Whoever asks, where whoever asks may do all. */
export const EVERYBODY: Identity = withoutToken(ALL_RIGHTS)

export function createAccess(options: AccessOptions): Access {
  const { verify, tickets, isLocal, requiresLoopbackHost, origins, cookieName } = options
  const anonymous = withoutToken(options.anonymous)

  function requireOwnWill(facts: Facts, credential: Credential | undefined): void {
    const isWrite = facts.method !== 'GET' && facts.method !== 'HEAD'
    // What a browser adds by itself, or needs not add, says nothing about who made it ask.
    if (!isWrite || (credential !== undefined && credential.kind !== 'cookie')) return
    requireKnownOrigin(origins, {
      origin: facts.header('origin'),
      host: facts.header('host') ?? '',
      site: facts.header('sec-fetch-site'),
    })
  }

  return {
    async identify(facts) {
      if (requiresLoopbackHost) requireLoopbackHost(facts.header('host') ?? 'localhost')
      const { ticket } = facts
      const asker = { authorization: facts.header('authorization'), cookie: facts.header('cookie'), ticket }
      const credential = verify === undefined ? undefined : credentialOf(asker, cookieName)
      requireOwnWill(facts, credential)
      if (isLocal) return EVERYBODY
      if (credential === undefined || verify === undefined) return anonymous
      return credential.kind === 'ticket' ? tickets.redeem(credential.ticket) : verify(credential.token)
    },
  }
}

/** @throws HttpError `missing-token` or `forbidden` */
export function requirePublish(identity: Identity, topic: string): void {
  if (!mayPublish(identity.rights, topic)) throw refusal(identity, `publish to ${topic}`)
}

/** For a publish whose topics are not known yet. @throws HttpError `missing-token` or `forbidden` */
export function requireAnyPublish(identity: Identity): void {
  if (identity.rights.publish.length === 0) throw refusal(identity, 'publish')
}

/** @throws HttpError `missing-token` or `forbidden` */
export function requireSubscribe(identity: Identity, selectors: readonly string[]): void {
  for (const selector of selectors) {
    if (!maySubscribe(identity.rights, selector)) throw refusal(identity, `subscribe to ${selector}`)
  }
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
    : new HttpError('forbidden', `The token gives no right to ${what}.`)
}

export function missingToken(what: string): HttpError {
  return new HttpError(
    'missing-token',
    `To ${what} takes a token: Authorization: Bearer ….`,
    {},
    {
      'WWW-Authenticate': 'Bearer',
    },
  )
}
