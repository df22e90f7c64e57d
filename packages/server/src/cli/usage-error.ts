/** The command cannot be run as it was written. Its message completes the name of what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
