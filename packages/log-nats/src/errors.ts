import { JetStreamApiError, type ApiError } from '@nats-io/jetstream'
import { errors } from '@nats-io/transport-node'
import { LogError } from '@tailrace/log'

/** https://github.com/nats-io/nats-server/blob/main/server/errors.json */
export const StreamCode = {
  notFound: 10_059,
  nameInUse: 10_058,
  subjectsOverlap: 10_065,
  notEnabledForAccount: 10_039,
  noPeers: 10_005,
  notClustered: 10_074,
} as const

const NO_ROOM: ReadonlySet<number> = new Set([10_002, 10_023, 10_028, 10_047, 10_077])
const TOO_LARGE = 10_054
const PASSING: ReadonlySet<number> = new Set([10_008, 10_009])

/** The error of a call to NATS. A write whose answer is missing may be stored; a read is only unanswered. */
export function toLogError(cause: unknown, call: 'read' | 'write'): LogError {
  if (LogError.is(cause)) return cause
  const reason = cause instanceof errors.RequestError && cause.cause !== undefined ? cause.cause : cause
  if (reason instanceof errors.PermissionViolationError) return notPermitted(reason)
  if (
    reason instanceof errors.AuthorizationError ||
    reason instanceof errors.UserAuthenticationExpiredError
  ) {
    return new LogError('unauthorized', `NATS rejects the credentials: ${reason.message}.`, { cause })
  }
  if (reason instanceof JetStreamApiError) return ofJetStream(reason.apiError(), cause)
  if (isNoResponder(cause)) {
    return new LogError('unreachable', 'No NATS server answers for the stream: it may have no leader now.', {
      cause,
    })
  }
  if (reason instanceof errors.ClosedConnectionError) {
    return new LogError('unreachable', 'The connection to NATS is closed.', { cause })
  }
  const text = reason instanceof Error ? reason.message : String(reason)
  return call === 'write'
    ? new LogError('outcome-unknown', `NATS did not answer a write: ${text}.`, { cause })
    : new LogError('unreachable', `NATS cannot be reached: ${text}.`, { cause })
}

/** Whether nothing in the system subscribes to the subject of a request. */
export function isNoResponder(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof errors.NoRespondersError) return true
  }
  return false
}

export function notPermitted(cause: InstanceType<typeof errors.PermissionViolationError>): LogError {
  const { operation, subject } = cause
  const verb = operation === 'subscription' ? 'subscribe' : 'publish'
  return new LogError(
    'unauthorized',
    `The NATS user may not ${verb} to "${subject}". Add it to the permissions of the user.`,
    { details: { operation: verb, subject }, cause },
  )
}

function ofJetStream({ err_code: code, description }: ApiError, cause: unknown): LogError {
  const init = { details: { code }, cause }
  if (NO_ROOM.has(code)) return new LogError('full', `JetStream has no room: ${description}.`, init)
  if (code === TOO_LARGE)
    return new LogError('too-large', `The stream refuses a record: ${description}.`, init)
  if (PASSING.has(code))
    return new LogError('unreachable', `JetStream is not available: ${description}.`, init)
  return new LogError('unwritable', `JetStream refuses the request: ${description}.`, init)
}
