import { ClientError } from './errors.ts'

/**
 * What a task gives, unless the signal is aborted before: not all that is given a signal looks at it.
 *
 * @throws ClientError `network` when it is aborted
 */
export function unlessAborted<T>(signal: AbortSignal | undefined, task: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new ClientError('network', 'Aborted'))
    signal?.addEventListener('abort', abort)
    if (signal?.aborted === true) abort()
    void task.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort))
  })
}
