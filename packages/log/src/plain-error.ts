import { LogError, type LogErrorCode, type LogErrorDetails } from './errors.ts'

/** A `LogError` on its way to another thread or process, which copies the message of an error and none of its other fields. */
export interface PlainError {
  readonly code: LogErrorCode
  readonly message: string
  readonly details: LogErrorDetails
}

/** Prepares an error for another thread or process. */
export function plain({ code, message, details }: LogError): PlainError {
  return { code, message, details }
}

/** Restores a {@link plain} error. */
export function revive({ code, message, details }: PlainError): LogError {
  return new LogError(code, message, { details })
}
