import type { Rights } from './rights.ts'

/** Who asks, as far as a token says. */
export interface Identity {
  /** How the request was authorized. A ticket opens streams of its topics and does nothing else. */
  readonly by: 'token' | 'ticket' | 'nobody'
  /** The token's `sub`, if it has one: limits are per subject. */
  readonly subject: string | undefined
  readonly rights: Rights
  /** When the token expires, in milliseconds of the epoch: no stream outlives it (invariant 6). */
  readonly expiresAt: number | undefined
  /** When the token was issued, in milliseconds of the epoch, where it says so and can be believed. */
  readonly issuedAt: number | undefined
  /** Names the token or ticket without revealing it: `<token>`, or `<token>.<ticket>`. */
  readonly credential: string | undefined
}
