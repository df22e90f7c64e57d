/** One thing that is to be held, and how much of it may be held at the same time. */
export interface Claim {
  readonly key: string
  readonly max: number
}

/** Everything that was claimed is held until it is released; or nothing is, because one claim exceeds its bound. */
export type Grant =
  | { readonly release: () => void }
  /** The place of that claim among those that were made together. */
  | { readonly exceeded: number }

/** Counts what is held at the same time. */
export interface Ledger {
  /** Takes everything that is claimed, or nothing. A promise if another process keeps the ledger. */
  take(claims: readonly Claim[]): Grant | Promise<Grant>
}

/** A ledger in memory. It remembers only keys of which something is held. */
export class LocalLedger implements Ledger {
  readonly #held = new Map<string, number>()

  take(claims: readonly Claim[]): Grant {
    const exceeded = claims.findIndex(({ key, max }) => (this.#held.get(key) ?? 0) >= max)
    if (exceeded !== -1) return { exceeded }
    for (const { key } of claims) this.#held.set(key, (this.#held.get(key) ?? 0) + 1)
    let isHeld = true
    return {
      release: () => {
        if (isHeld) for (const { key } of claims) this.#release(key)
        isHeld = false
      },
    }
  }

  #release(key: string): void {
    const held = this.#held.get(key)! - 1
    if (held === 0) this.#held.delete(key)
    else this.#held.set(key, held)
  }
}

/**
 * Takes what is claimed, until the function that is returned is called.
 *
 * @param refuse - the error for the claim that exceeds its bound
 */
export function takeFrom<T extends Claim>(
  ledger: Ledger,
  claims: readonly T[],
  refuse: (exceeded: T) => Error,
): (() => void) | Promise<() => void> {
  const settle = (grant: Grant): (() => void) => {
    if ('exceeded' in grant) throw refuse(claims[grant.exceeded]!)
    return grant.release
  }
  const grant = ledger.take(claims)
  return grant instanceof Promise ? grant.then(settle) : settle(grant)
}
