/** A source of events, whichever kind it is. */
interface Source {
  next(): Promise<IteratorResult<unknown>>
  /** Asks it to release what it holds. It may not respond for as long as a `next` is pending. */
  stop(reason: unknown): unknown
}

/**
 * Passes on every value of a source, at the pace of the receiver. If the signal is aborted, even while the source is
 * waiting, or if the receiver throws, the source is stopped, and what it yields after that is ignored.
 *
 * @throws the error of the source or of the receiver, or the reason of the signal
 */
export async function pump(
  from: AsyncIterable<unknown> | ReadableStream<unknown>,
  receive: (value: unknown) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const source = sourceOf(from)
  const abort = createAbort(signal)
  let isDone = false
  try {
    for (;;) {
      const { done, value } = await abort.orResult(source.next())
      isDone = done === true
      if (isDone) return
      await receive(value)
    }
  } catch (error) {
    // A source that threw has released what it held, and a second call does no harm.
    if (!isDone) stop(source, error)
    throw error
  } finally {
    abort.forget()
  }
}

function sourceOf(from: AsyncIterable<unknown> | ReadableStream<unknown>): Source {
  const isObject = typeof from === 'object' && (from as unknown) !== null
  if (!isObject || !('getReader' in from || Symbol.asyncIterator in from))
    throw new TypeError('a source must be an async iterable or a ReadableStream')
  if ('getReader' in from) {
    const reader = from.getReader()
    return {
      next: () => reader.read() as Promise<IteratorResult<unknown>>,
      stop: (reason) => reader.cancel(reason),
    }
  }
  const iterator = from[Symbol.asyncIterator]()
  return { next: () => iterator.next(), stop: () => iterator.return?.() }
}

/** The error that led here is the one to report, not another one of a source that cannot be stopped. */
function stop(source: Source, reason: unknown): void {
  const stopped = async (): Promise<unknown> => source.stop(reason)
  stopped().catch(() => undefined)
}

/** The abortion of a signal. */
interface Abort {
  /** Resolves or rejects as a promise does, or rejects with the reason as soon as the signal is aborted. */
  orResult<T>(promise: Promise<T>): Promise<T>
  forget(): void
}

/** `Promise.race` would hold every value of the source for as long as the signal is not aborted. */
function createAbort(signal: AbortSignal): Abort {
  let reject: (reason: unknown) => void = () => undefined
  const abort = (): void => reject(signal.reason)
  signal.addEventListener('abort', abort)
  return {
    orResult: (promise) =>
      new Promise((resolve, fail) => {
        reject = fail
        // An iterator of JavaScript may return no promise.
        void Promise.resolve(promise).then(resolve, fail)
        if (signal.aborted) abort()
      }),
    forget: () => signal.removeEventListener('abort', abort),
  }
}
