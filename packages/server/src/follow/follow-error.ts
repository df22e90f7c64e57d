/** The file cannot be followed, or its place cannot be kept. The message says what to do. */
export class FollowError extends Error {
  override readonly name = 'FollowError'
}
