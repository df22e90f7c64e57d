import { AuthenticationError, ProtocolError, ResponseError } from '@platformatic/kafka'
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
  return answerOf(error)?.id
}

/**
 * The error of a call to a broker. `what` completes "Kafka cannot …". A write without an answer may be stored; a read is
 * only unanswered.
 */
export function toLogError(cause: unknown, what: string, kind: 'read' | 'write'): LogError {
  if (LogError.is(cause)) return cause
  const answer = answerOf(cause)
  if (answer !== undefined) {
    const code = CODES[answer.id] ?? (kind === 'write' ? 'unwritable' : 'cannot-open')
    return new LogError(
      code === 'outcome-unknown' && kind === 'read' ? 'unreachable' : code,
      `Kafka cannot ${what}: ${answer.text} (${answer.id}).`,
      { details: { reason: answer.id }, cause },
    )
  }
  const deepest = causesOf(cause).at(-1)
  const text = textOf(deepest)
  if (deepest instanceof AuthenticationError) {
    return new LogError('unauthorized', `Kafka cannot ${what}: ${text}.`, { cause })
  }
  return kind === 'write'
    ? new LogError('outcome-unknown', `Kafka did not answer when asked to ${what}: ${text}.`, { cause })
    : new LogError('unreachable', `Kafka cannot ${what}: ${text}.`, { cause })
}

interface Answer {
  readonly id: string
  readonly text: string
}

/** What a broker answered, if that is behind an error: the driver wraps an error several times. */
function answerOf(error: unknown): Answer | undefined {
  for (const one of causesOf(error)) {
    if (!(one instanceof ResponseError)) continue
    const answer = one.errors.find((each) => each instanceof ProtocolError)
    if (answer === undefined) continue
    const id = String(answer['apiId'])
    const mechanisms: unknown = one['response']?.mechanisms
    const offer = Array.isArray(mechanisms)
      ? `. It offers ${mechanisms.join(', ')}; choose one with ?sasl=`
      : ''
    return {
      id,
      text: `${String(answer['serverErrorMessage'] ?? answer.message).replace(/\.$/, '')}${offer}`,
    }
  }
  return undefined
}

/** An error, and what caused it. */
function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [error]
  for (let one = error; one instanceof Error && one.cause instanceof Error; one = one.cause)
    causes.push(one.cause)
  return causes
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // An error for several addresses of one host has no message.
  return error.message.replace(/\.$/, '') || String((error as NodeJS.ErrnoException).code)
}
