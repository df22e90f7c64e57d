import { HttpError } from '@tailrace/http'

/** Whether something was refused, in the words of the protocol. */
export function isRefused(act: () => unknown, code: string): boolean {
  try {
    act()
    return false
  } catch (error) {
    if (HttpError.is(error) && error.code === code) return true
    throw error
  }
}
