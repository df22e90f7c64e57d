/** The command line is invalid. The message completes a sentence that begins with the name of the invalid setting. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
