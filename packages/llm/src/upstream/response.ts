import type { Attempt } from './attempt.ts'
import { refusalOf } from './refusal.ts'

/**
 * The response of the API, a promise of it, or a function that requests it. Prefer the function: it is called once the
 * topic is known to be free, so that no answer is paid for twice, and its signal is aborted when the stream is cancelled,
 * even before the API has responded.
 */
export type Upstream = Response | Promise<Response> | ((signal: AbortSignal) => Response | Promise<Response>)

/**
 * Resolves with the response as soon as its head is there.
 *
 * @throws RelayError `upstream-refused` if there is none, or the reason of the attempt's signal
 */
export async function responseOf(upstream: Upstream, attempt: Attempt): Promise<Response> {
  const { signal } = attempt
  const response = typeof upstream === 'function' ? request(upstream, signal) : Promise.resolve(upstream)
  let isLate = false
  const aborted = new Promise<never>((_, reject) => {
    const abort = (): void => {
      isLate = true
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
  })
  response.then(
    ({ body }) => (isLate ? body?.cancel(signal.reason) : undefined),
    () => undefined,
  )
  try {
    return await attempt.wait(Promise.race([response, aborted]))
  } catch (error) {
    throw signal.aborted ? signal.reason : refusalOf(error)
  }
}

/** A function that throws is one that rejects. */
async function request(upstream: Extract<Upstream, Function>, signal: AbortSignal): Promise<Response> {
  signal.throwIfAborted()
  return upstream(signal)
}

/** Lets go of a response that nobody will read. */
export async function discard(upstream: Upstream): Promise<void> {
  if (typeof upstream === 'function') return
  try {
    const { body } = await upstream
    await body?.cancel()
  } catch {
    // There is none, or it is gone.
  }
}
