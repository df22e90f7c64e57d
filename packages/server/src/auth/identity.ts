import type { Rights } from './rights.ts'

/** The sender of a request, as far as its token identifies them. */
export interface Identity {
  /** How the request was authorized. A ticket only opens streams of its topics. */
  readonly by: 'token' | 'ticket' | 'nobody'
  /** The `sub` of the token, if it has one. Limits apply per subject. */
  readonly subject: string | undefined
  readonly rights: Rights
  /** When the token expires, in milliseconds since the epoch. No stream outlives it (invariant 6). */
  readonly expiresAt: number | undefined
  /** When the token was issued, in milliseconds since the epoch, if it contains a plausible time. */
  readonly issuedAt: number | undefined
  /** Identifies the token or ticket without revealing it: `<token>`, or `<token>.<ticket>`. */
  readonly credential: string | undefined
}
