/** A log cannot be copied. Nothing was overwritten. */
export class CopyError extends Error {
  override readonly name = 'CopyError'
}
