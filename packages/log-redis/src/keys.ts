/** The start of the names of all keys of a log. Braces put them into one slot of a cluster. */
export function baseOf(prefix: string): string {
  return `{${prefix}}:`
}
