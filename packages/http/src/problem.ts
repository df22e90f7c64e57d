import { HubError } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import { HttpError, STATUS } from './errors.ts'
import type { ProblemCode, ProblemDetails } from './errors.ts'

/** Seconds after which a publisher or reader may retry after a 503. */
const RETRY_AFTER_SECONDS = 1

/** Why a request is refused if its head or body does not arrive completely in time. */
export const SLOW_REQUEST = 'The request took too long to arrive.'

/** A refusal as it is sent (RFC 9457). */
export interface Problem {
  readonly code: ProblemCode
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Converts a thrown value to a problem. If it is not a refusal, it is a bug, and its message is not sent. */
export function toProblem(error: unknown): Problem {
  if (HttpError.is(error) || HubError.is(error) || LogError.is(error)) {
    // The details of a log error contain paths and system errors, which clients must not see.
    const isRefusal =
      HttpError.is(error) || error.code === 'unsupported' || (HubError.is(error) && error.code === 'busy')
    const isOutage = STATUS[error.code] >= 500 && !isRefusal
    const detail = isOutage ? 'The log cannot serve this request now: try again later.' : error.message
    // For a client that sent one event, there is no batch.
    const { index: _, ...facts } = error.details
    return problem(error.code, detail, isOutage ? {} : facts, headersOf(error))
  }
  return problem('internal', 'Something went wrong. The details are in the error output of the server.')
}

function headersOf(error: HttpError | HubError | LogError): Problem['headers'] {
  if (HttpError.is(error)) return error.headers
  // Readers return on the connections that they have, so a server that waits for these to end would wait forever.
  return error.code === 'closed' ? { Connection: 'close' } : {}
}

export function problem(
  code: ProblemCode,
  detail: string,
  details: ProblemDetails = {},
  headers: Readonly<Record<string, string>> = {},
): Problem {
  const status = STATUS[code]
  const title = code.replaceAll('-', ' ')
  return {
    code,
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...(status === 503 ? { 'Retry-After': String(RETRY_AFTER_SECONDS) } : {}),
      ...headers,
    },
    body: `${JSON.stringify({ type: `urn:tailrace:problem:${code}`, title, status, code, detail, ...details })}\n`,
  }
}
