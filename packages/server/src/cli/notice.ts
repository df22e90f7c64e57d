/** Prints a message, which is not part of the output of a command, for the person who runs it. */
export function notice(text: string): void {
  process.stderr.write(`tailrace: ${text}\n`)
}
