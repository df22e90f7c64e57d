import { notice } from './notice.ts'

/** Ends the command when nobody takes what it prints: well where they have seen enough, as in `tailrace tail x | head`. */
export function endWithOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0)
    notice(`standard output cannot be written: ${message}`)
    process.exit(1)
  })
  process.stderr.on('error', ignore)
}

/** Goes on when nobody takes what the command prints: others depend on what it does. */
export function outliveOutput(): void {
  process.stdout.on('error', ignore)
  process.stderr.on('error', ignore)
}

function ignore(): void {
  // There is nobody left to tell.
}
