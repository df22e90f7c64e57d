import { setTimeout as pause } from 'node:timers/promises'

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

/** How long until something is tried again. */
export const RETRY_MS = 100

/** Repeats a question until it has the expected answer. (`expect.poll` cannot be used in tests that run concurrently.) */
export async function eventually<T>(ask: () => Promise<T>, isMet: (answer: T) => boolean): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS
  let answer = await ask()
  while (!isMet(answer)) {
    if (performance.now() > giveUpAt)
      throw new Error(`${PATIENCE_MS / 1000} s passed, and it still is ${JSON.stringify(answer)}`)
    await pause(RETRY_MS)
    answer = await ask()
  }
}
