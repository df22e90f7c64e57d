import type { LogError } from '@tailrace/log'

/** Waits for a promise. After a time, rejects with an error, or resolves if there is none. */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
  late: () => LogError | undefined,
): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<undefined>((resolve, reject) => {
    timer = setTimeout(() => {
      const error = late()
      if (error === undefined) resolve(undefined)
      else reject(error)
    }, ms)
  })
  try {
    return await Promise.race([promise, timeout])
  } finally {
    clearTimeout(timer)
  }
}
