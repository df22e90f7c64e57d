const POLL_MS = 20
/** What takes longer does not happen any more. */
const BOUND_MS = 60_000

/** Resolves once it is so. @param what what is awaited, for the error after a minute */
export async function until(what: string, isMet: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + BOUND_MS
  while (!(await isMet())) {
    if (performance.now() > deadline) throw new Error(`waited ${BOUND_MS / 1000} s in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
