/**
 * Goes on with a value: at once unless it is a promise. To await what is known already takes a publish half a kilobyte each
 * time, and a turn of the microtasks.
 */
export function whenKnown<T, Result>(
  value: T | Promise<T>,
  use: (value: T) => Result | Promise<Result>,
): Result | Promise<Result> {
  return isPromise(value) ? value.then(use) : use(value)
}

/** Whether `await` would wait for it. An application may return promises of its own making. */
function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Partial<Promise<T>> | null | undefined)?.then === 'function'
}
