/** How long a test waits for something that a correct server does at once. */
export const PATIENCE_MS = 15_000

/** Rejects if a promise is not settled in time, with what is `missing`. */
export function inTime<T>(promise: Promise<T>, missing: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${PATIENCE_MS / 1000} s passed before ${missing()}`)),
      PATIENCE_MS,
    )
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}
