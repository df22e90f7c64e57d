import { HttpError } from '../../src/http/problem.ts'

/** Whether something was refused, in the words of the protocol. */
export function isRefused(act: () => unknown, code: string): boolean {
  try {
    act()
    return false
  } catch (error) {
    if (error instanceof HttpError && error.code === code) return true
    throw error
  }
}
