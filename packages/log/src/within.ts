/**
 * Waits for a promise, but not longer than this, in milliseconds. Then it rejects with an error that `late` returns, or
 * resolves with undefined if that returns none.
 */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
  late: () => Error | undefined,
): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
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
