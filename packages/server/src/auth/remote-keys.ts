import { JWKSNoMatchingKey } from 'jose/errors'
import { createRemoteJWKSet } from 'jose/jwks/remote'
import type { JWTVerifyGetKey } from 'jose'

/** Times are in milliseconds. */
export interface RemoteKeysOptions {
  /** Age at which keys are fetched again, whether or not a request needs them. */
  readonly maxAgeMs?: number | undefined
  /** Time after a fetch, successful or not, before a request can cause another one. */
  readonly cooldownMs?: number | undefined
  /** Maximum age at which keys are still used if no others can be fetched. */
  readonly keepMs?: number | undefined
}

const MAX_AGE_MS = 10 * 60_000
const COOLDOWN_MS = 10_000
const KEEP_MS = 24 * 60 * 60_000
const TIMEOUT_MS = 5_000

/**
 * The keys of an identity provider. They are fetched when they are first needed, then in the background, and
 * when a token names an unknown key. During an outage of the provider, the hub continues with the keys it has.
 */
export function createRemoteKeys(
  url: URL,
  { maxAgeMs = MAX_AGE_MS, cooldownMs = COOLDOWN_MS, keepMs = KEEP_MS }: RemoteKeysOptions = {},
): JWTVerifyGetKey {
  // The code below decides when to fetch: by itself, the library would forget keys it has, and would not pause
  // after a failure.
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
      // Everyone who needs keys while a fetch is under way waits for the same result.
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
      const isUnknown = error instanceof JWKSNoMatchingKey
      if (!isUnknown || performance.now() - fetchedAt < cooldownMs) throw error
      await fetchUnlessFailed()
      return keys(header, token)
    }
  }
}
