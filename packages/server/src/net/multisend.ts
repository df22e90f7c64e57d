import { sendInGroups } from '@tailrace/http/node'

/** Hands writes of the same bytes to the kernel in groups, if `@tailrace/multisend` has a build for this platform. */
export async function useMultisend(): Promise<void> {
  try {
    const { loadSend } = await import('@tailrace/multisend')
    sendInGroups(loadSend())
  } catch {
    // It is optional, and not installed: each socket writes by itself.
  }
}
