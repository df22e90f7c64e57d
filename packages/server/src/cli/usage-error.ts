import { withoutSecrets } from '../observe/journal.ts'

/** The command line is invalid. The message completes a sentence that begins with the name of the invalid setting. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** An option that is out of its range, which may be the address of a log with a password. */
export function usageErrorOf({ message }: RangeError): UsageError {
  return new UsageError(withoutSecrets(message.replace(/\.$/, '')))
}
