import { delayAfter, isTransient, retryAfterMs } from './backoff.ts'
import { ClientError } from './errors.ts'
import { unlessAborted } from './request.ts'
import type { RequestParts, TokenUse } from './request.ts'

const DEFAULT_MAX_ATTEMPTS = 5
const BOUNDS = { initialDelayMs: 200, maxDelayMs: 10_000 }

/** How a request that fails temporarily is repeated. */
export interface RepeatOptions extends Omit<RequestParts, 'method' | 'body'> {
  readonly signal?: AbortSignal | undefined
  /** Maximum number of attempts. With `Infinity`, it never gives up on an unreachable hub. @defaultValue 5 */
  readonly maxAttempts?: number | undefined
  /** Called before each wait. */
  readonly onRetry?: ((error: ClientError, delayMs: number) => void) | undefined
}

/**
 * Repeats an attempt until it succeeds, fails permanently, or reaches the maximum.
 *
 * @throws ClientError of the last attempt; the signal's reason
 */
export async function repeat<T>(
  attempt: (tokens: TokenUse) => Promise<T>,
  { headers, signal, maxAttempts = DEFAULT_MAX_ATTEMPTS, onRetry }: RepeatOptions,
): Promise<T> {
  const tokens: TokenUse & { wereRefused: boolean } = { wereRefused: false }
  for (let failures = 0; ; failures += 1) {
    try {
      return await unlessAborted(signal, attempt(tokens))
    } catch (error) {
      signal?.throwIfAborted()
      if (!ClientError.is(error)) throw error
      const { code } = error
      tokens.wereRefused =
        code === 'status' && error.status === 401 && !tokens.wereRefused && typeof headers === 'function'
      const isPassing =
        code === 'status' ? tokens.wereRefused || isTransient(error.status) : code !== 'not-a-hub'
      if (failures + 1 >= maxAttempts || !isPassing) throw error
      if (tokens.wereRefused) continue
      const delayMs = delayAfter(failures, retryAfterMs(error, Date.now()), BOUNDS, Math.random())
      onRetry?.(error, delayMs)
      await pause(delayMs, signal)
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout>
  const passed = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  return unlessAborted(signal, passed).finally(() => clearTimeout(timer))
}
