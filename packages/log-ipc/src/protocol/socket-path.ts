/** The longest path of a socket on macOS. Linux accepts four bytes more. Behind that, the system would cut it off. */
const MAX_PATH_BYTES = 103

/** @throws RangeError */
export function assertPathFits(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > 0 && bytes <= MAX_PATH_BYTES) return
  throw new RangeError(`The path of a socket must have 1 to ${MAX_PATH_BYTES} bytes, not ${bytes}: ${path}`)
}
