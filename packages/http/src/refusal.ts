import { HubError } from '@tailrace/hub'
import type { Dialect, Hub } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import { STREAM } from './accept.ts'
import { tailraceDialect } from './dialect.ts'
import { HttpError } from './errors.ts'
import type { Exchange, RequestHead } from './exchange.ts'
import { toProblem } from './problem.ts'
import type { Problem } from './problem.ts'
import { STREAM_HEADERS } from './stream-headers.ts'

/** The dialect for readers that are turned away. No event is written in it. */
const CONTROL = tailraceDialect({ envelope: false, namesTopic: false, traces: false, times: false })

/** Whether an error is a refusal, as opposed to a bug. */
export function isRefusal(error: unknown): error is HttpError | HubError | LogError {
  return HttpError.is(error) || HubError.is(error) || LogError.is(error)
}

/**
 * Answers a request that failed.
 *
 * @returns false if it was cut instead
 */
export function refuse(
  hub: Hub,
  exchange: Exchange,
  error: unknown,
  problem: Problem = toProblem(error),
  dialect: Dialect = CONTROL,
): boolean {
  // Without an answer, the client knows that the outcome is unknown (spec/protocol.md, 2.3).
  if (LogError.is(error) && error.code === 'outcome-unknown') {
    exchange.cut()
    return false
  }
  const isPassing = problem.status === 503 || problem.status === 429
  if (
    isPassing &&
    readsStreams(exchange) &&
    !exchange.isAnswered &&
    turnAway(hub, exchange, error, problem, dialect)
  )
    return true
  exchange.reject(problem)
  return true
}

/** Whether an `EventSource` sent a request, as far as a server can tell. */
function readsStreams(head: RequestHead): boolean {
  return head.method === 'GET' && head.header('accept')?.includes(STREAM) === true
}

/**
 * Asks a reader of streams to return later. A 5xx would stop an `EventSource` permanently.
 *
 * @returns false if the dialect has no words for it
 */
function turnAway(
  hub: Hub,
  exchange: Exchange,
  error: unknown,
  { headers: { 'Retry-After': seconds = '0', Connection } }: Problem,
  dialect: Dialect,
): boolean {
  const words = hub.turnAway(dialect, codeOf(error), Number(seconds) * 1_000)
  if (words.length === 0) return false
  exchange.answer(200, Connection === undefined ? STREAM_HEADERS : { ...STREAM_HEADERS, Connection }, words)
  return true
}

/** The reason that a reader receives when it is turned away. Faults of the log are not revealed to readers. */
function codeOf(error: unknown): string {
  if (HttpError.is(error)) return error.code
  return HubError.is(error) && error.code === 'busy' ? 'busy' : 'log-unavailable'
}
