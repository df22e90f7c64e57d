/** Compares texts by code point, which is the order of UTF-8 but not of UTF-16. */
export function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
