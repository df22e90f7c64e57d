import { LogError } from '@tailrace/log'
import { ListenError } from '../net/listen.ts'
import { textOf, withoutSecrets } from '../observe/journal.ts'
import { UsageError } from './usage-error.ts'

/** The command line is invalid (`EX_USAGE` in `sysexits.h`). */
export const EXIT_USAGE = 64

/** How a command ends that cannot do its work. */
export interface Failure {
  /** The lines for standard error. */
  readonly text: string
  readonly exitCode: number
}

/** Another process of the command has failed, and said why. */
export class FailedElsewhere extends Error implements Failure {
  override readonly name = 'FailedElsewhere'
  readonly text: string
  readonly exitCode: number

  constructor({ text, exitCode }: Failure) {
    super(text.split('\n', 1)[0]!.replace(/^tailrace: /, ''))
    this.text = text
    this.exitCode = exitCode
  }
}

/** Undefined if the error is a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof FailedElsewhere) return error
  if (error instanceof UsageError)
    return { text: `tailrace: ${error.message}.\nTry: tailrace --help\n`, exitCode: EXIT_USAGE }
  if (LogError.is(error) || error instanceof ListenError || isSystemError(error))
    return { text: `tailrace: ${withoutSecrets(error.message)}\n`, exitCode: 1 }
  return undefined
}

/** What Node prints by itself about a bug could contain the password of an engine. */
export function bugOf(error: unknown): Failure {
  return { text: `${textOf(error)}\n`, exitCode: 1 }
}

/** An error of the operating system, such as a missing file. Its message names the file. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
