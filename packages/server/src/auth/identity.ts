import type { Rights } from './rights.ts'

/** Who asks, as far as a token says. */
export interface Identity {
  /**
   * What the request had to show for it. A ticket does all that its token does, but get another ticket. `app`: the
   * application that the hub is part of vouches for it.
   */
  readonly by: 'token' | 'ticket' | 'app' | 'nobody'
  /** The token's `sub`, if it has one: limits are per subject. */
  readonly subject: string | undefined
  readonly rights: Rights
  /** When the token expires, in milliseconds of the epoch: no stream outlives it (invariant 6). */
  readonly expiresAt: number | undefined
}
