/** Orders texts by code point, which UTF-8 sorts by and UTF-16 does not. */
export function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
