import { readSecret } from './secret.ts'
import type { ServeValues } from './serve-settings.ts'

/** The password for the engine of the log, if it is in a file. */
export function passwordOf({ 'log-password-file': path }: ServeValues): string | undefined {
  return path === undefined ? undefined : readSecret('log-password-file', path)
}
