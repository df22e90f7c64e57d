/** Tells whoever runs a command what is no output of it. */
export function notice(text: string): void {
  process.stderr.write(`tailrace: ${text}\n`)
}
