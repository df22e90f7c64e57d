import { notice } from './notice.ts'

/**
 * Ends the command when its output is no longer read: successfully if the reader has seen enough, as in
 * `tailrace tail x | head`.
 */
export function endWithOutput(): void {
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'EPIPE') process.exit(0)
    notice(`standard output cannot be written: ${message}`)
    process.exit(1)
  })
  process.stderr.on('error', ignore)
}

/** Continues when the output of the command is no longer read: others depend on what it does. */
export function outliveOutput(): void {
  process.stdout.on('error', ignore)
  process.stderr.on('error', ignore)
}

function ignore(): void {
  // There is nobody left to report this to.
}
