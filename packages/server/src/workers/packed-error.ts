import { inspect } from 'node:util'
import { HttpError } from '@tailrace/http'
import type { ProblemCode } from '@tailrace/http'
import { HubError } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import { textOf } from '../observe/journal.ts'

/** An error on its way to another process. The errors of Tailrace have the same class there. */
export interface PackedError {
  readonly kind: 'HttpError' | 'HubError' | 'LogError' | 'other'
  readonly message: string
  readonly code: string | undefined
  readonly details: Readonly<Record<string, string | number | boolean>>
  readonly headers: Readonly<Record<string, string>>
  /** As it would be printed where it was thrown. */
  readonly text: string
}

export function packError(error: unknown): PackedError {
  const message = error instanceof Error ? error.message : String(error)
  const { code } = Object(error) as { readonly code?: unknown }
  return {
    kind: kindOf(error),
    message,
    code: typeof code === 'string' ? code : undefined,
    details: HttpError.is(error) || HubError.is(error) || LogError.is(error) ? error.details : {},
    headers: HttpError.is(error) ? error.headers : {},
    text: textOf(error),
  }
}

/** The error, to be thrown again. */
export function unpackError(packed: PackedError): Error {
  const { kind, message, details, headers } = packed
  const code = packed.code as ProblemCode
  if (kind === 'HttpError') return new HttpError(code, message, { details, headers })
  if (kind === 'HubError') return new HubError(code as HubError['code'], message, { details })
  if (kind === 'LogError') return new LogError(code as LogError['code'], message, { details })
  return new ForeignError(packed)
}

function kindOf(error: unknown): PackedError['kind'] {
  if (HttpError.is(error)) return 'HttpError'
  if (HubError.is(error)) return 'HubError'
  return LogError.is(error) ? 'LogError' : 'other'
}

/** The error, to be printed as it would be in the other process. */
export function printableError(packed: PackedError): Error {
  return new ForeignError(packed)
}

class ForeignError extends Error {
  override readonly name = 'ForeignError'
  readonly code: string | undefined
  readonly #text: string

  constructor({ message, code, text }: PackedError) {
    super(message)
    this.code = code
    this.#text = text
  }

  [inspect.custom](): string {
    return this.#text
  }
}
