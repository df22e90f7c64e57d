/** The file cannot be followed, or its position cannot be saved. The message says what to do. */
export class FollowError extends Error {
  override readonly name = 'FollowError'
}
