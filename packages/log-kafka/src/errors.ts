import { AuthenticationError, ProtocolError, ResponseError, UserError } from '@platformatic/kafka'
import { LogError, type LogErrorCode } from '@tailrace/log'

/** Kafka's names of its errors: https://kafka.apache.org/protocol#protocol_error_codes */
const CODES: Readonly<Record<string, LogErrorCode>> = {
  // Nothing was stored, and another broker, or the same one a moment later, would accept it.
  BROKER_NOT_AVAILABLE: 'unreachable',
  FENCED_LEADER_EPOCH: 'unreachable',
  INCONSISTENT_TOPIC_ID: 'unreachable',
  LEADER_NOT_AVAILABLE: 'unreachable',
  LISTENER_NOT_FOUND: 'unreachable',
  NOT_CONTROLLER: 'unreachable',
  NOT_LEADER_OR_FOLLOWER: 'unreachable',
  OFFSET_NOT_AVAILABLE: 'unreachable',
  REPLICA_NOT_AVAILABLE: 'unreachable',
  THROTTLING_QUOTA_EXCEEDED: 'unreachable',
  UNKNOWN_LEADER_EPOCH: 'unreachable',
  UNKNOWN_TOPIC_ID: 'unreachable',
  UNKNOWN_TOPIC_OR_PARTITION: 'unreachable',
  // The leader has stored it; whether the others will is open.
  KAFKA_STORAGE_ERROR: 'outcome-unknown',
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 'outcome-unknown',
  REQUEST_TIMED_OUT: 'outcome-unknown',
  UNKNOWN_SERVER_ERROR: 'outcome-unknown',
  // Also what a cluster answers whose brokers are still starting.
  INVALID_REPLICATION_FACTOR: 'unwritable',
  NOT_ENOUGH_REPLICAS: 'unwritable',
  MESSAGE_TOO_LARGE: 'too-large',
  RECORD_LIST_TOO_LARGE: 'too-large',
  CLUSTER_AUTHORIZATION_FAILED: 'unauthorized',
  ILLEGAL_SASL_STATE: 'unauthorized',
  SASL_AUTHENTICATION_FAILED: 'unauthorized',
  TOPIC_AUTHORIZATION_FAILED: 'unauthorized',
  UNSUPPORTED_SASL_MECHANISM: 'unauthorized',
  UNSUPPORTED_VERSION: 'incompatible',
}

/** Kafka's name of an error that a broker answered with. */
export function apiErrorOf(error: unknown): string | undefined {
  return protocolErrorOf(error)?.['apiId']
}

/**
 * The error of a call to a broker. `what` completes "Kafka cannot …". A write without an answer may be stored; a read is
 * only unanswered.
 */
export function toLogError(cause: unknown, what: string, kind: 'read' | 'write'): LogError {
  if (LogError.is(cause)) return cause
  const answer = protocolErrorOf(cause)
  if (answer !== undefined) return ofAnswer(answer, cause, what, kind)
  if (cause instanceof AuthenticationError) {
    return new LogError('unauthorized', `Kafka rejects the credentials: ${cause.message}`, { cause })
  }
  const text = textOf(cause)
  return kind === 'write'
    ? new LogError('outcome-unknown', `Kafka did not answer when asked to ${what}: ${text}.`, { cause })
    : new LogError('unreachable', `Kafka cannot ${what}: ${text}.`, { cause })
}

function ofAnswer(answer: ProtocolError, cause: unknown, what: string, kind: 'read' | 'write'): LogError {
  const id = String(answer['apiId'])
  const code = CODES[id] ?? (kind === 'write' ? 'unwritable' : 'cannot-open')
  const text = String(answer['serverErrorMessage'] ?? answer.message).replace(/\.$/, '')
  return new LogError(
    code === 'outcome-unknown' && kind === 'read' ? 'unreachable' : code,
    `Kafka cannot ${what}: ${text} (${id}).`,
    { details: { reason: id }, cause },
  )
}

function protocolErrorOf(error: unknown): ProtocolError | undefined {
  if (error instanceof ProtocolError) return error
  if (error instanceof ResponseError) return error.errors.find((one) => one instanceof ProtocolError)
  return error instanceof AuthenticationError || error instanceof UserError
    ? protocolErrorOf(error.cause)
    : undefined
}

/** What failed underneath: the driver wraps the error of a socket several times. */
function textOf(error: unknown): string {
  let deepest = error
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause
  if (!(deepest instanceof Error)) return String(deepest)
  // An error for several addresses of one host has no message.
  return deepest.message.replace(/\.$/, '') || String((deepest as NodeJS.ErrnoException).code)
}
