import { RelayError } from '../errors.ts'
import type { Attempt } from './attempt.ts'

/**
 * The chunks of a body. However it ends, the body is cancelled, so that its connection is released.
 *
 * @throws RelayError `upstream-truncated` if the body breaks off; the reason of the attempt's signal if that is aborted
 */
export async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  attempt: Attempt,
): AsyncGenerator<Uint8Array> {
  const { signal } = attempt
  const reader = body.getReader()
  // A read that is waiting then resolves as done.
  const cancel = (): void => void reader.cancel(signal.reason).catch(() => undefined)
  signal.addEventListener('abort', cancel)
  if (signal.aborted) cancel()
  try {
    for (;;) {
      const { done, value } = await attempt.wait(reader.read())
      signal.throwIfAborted()
      if (done) return
      yield value
    }
  } catch (cause) {
    signal.throwIfAborted()
    const message = 'The connection to the API broke off before the answer was complete.'
    throw new RelayError('upstream-truncated', message, { cause })
  } finally {
    signal.removeEventListener('abort', cancel)
    cancel()
  }
}
