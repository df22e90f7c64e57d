import { createRemoteJWKSet, errors } from 'jose'
import type { JWTVerifyGetKey } from 'jose'

/** Times are in milliseconds. */
export interface RemoteKeysOptions {
  /** How old keys may get before they are fetched again, whether or not somebody asks for one. */
  readonly maxAgeMs?: number | undefined
  /** How long after keys were fetched, or could not be, before whoever asks makes the hub fetch them again. */
  readonly cooldownMs?: number | undefined
  /** How old keys may get while no others can be had. */
  readonly keepMs?: number | undefined
}

const MAX_AGE_MS = 10 * 60_000
const COOLDOWN_MS = 10_000
const KEEP_MS = 24 * 60 * 60_000
const TIMEOUT_MS = 5_000

/**
 * The keys of an identity provider: fetched when they are first asked for, and from then on in the background; also
 * for a key that is not known yet. An outage of the provider is none of the hub: it goes on with the keys it has.
 */
export function createRemoteKeys(
  url: URL,
  { maxAgeMs = MAX_AGE_MS, cooldownMs = COOLDOWN_MS, keepMs = KEEP_MS }: RemoteKeysOptions = {},
): JWTVerifyGetKey {
  // When to fetch is said below: left to itself it would forget what it has, and know no pause after a failure.
  const keys = createRemoteJWKSet(url, {
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    timeoutDuration: TIMEOUT_MS,
  })
  let fetchedAt = -Infinity
  let failure: { readonly error: unknown; readonly at: number } | undefined
  let timer: NodeJS.Timeout | undefined

  async function fetchKeys(): Promise<void> {
    try {
      // Whoever asks while it is under way waits for the same answer.
      await keys.reload()
      fetchedAt = performance.now()
      failure = undefined
      scheduleNext(maxAgeMs)
    } catch (error) {
      failure = { error, at: performance.now() }
      scheduleNext(cooldownMs)
      throw error
    }
  }

  function scheduleNext(ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(() => void fetchKeys().catch(() => undefined), ms).unref()
  }

  async function fetchUnlessFailed(): Promise<void> {
    if (failure !== undefined && performance.now() - failure.at < cooldownMs) throw failure.error
    await fetchKeys()
  }

  return async (header, token) => {
    if (performance.now() - fetchedAt >= keepMs) await fetchUnlessFailed()
    try {
      return await keys(header, token)
    } catch (error) {
      const isUnknown = error instanceof errors.JWKSNoMatchingKey
      if (!isUnknown || performance.now() - fetchedAt < cooldownMs) throw error
      await fetchUnlessFailed()
      return keys(header, token)
    }
  }
}
