import { LogError, type LogErrorCode } from '@tailrace/log'
import { DatabaseError } from 'pg'

/** SQLSTATEs, or their classes, and what they mean for the log. The first that matches counts. */
const MEANINGS: readonly [sqlstate: string, code: LogErrorCode, remedy: string][] = [
  ['TR002', 'replaced', 'The schema now holds another log.'],
  // Undefined table, schema, function: somebody removed them, or the right to use the schema, without which nobody sees them.
  ['42P01', 'replaced', 'The schema of the log, or part of it, was removed, or may not be used any more.'],
  ['42883', 'replaced', 'The schema of the log, or part of it, was removed, or may not be used any more.'],
  ['3F000', 'replaced', 'The schema of the log, or part of it, was removed, or may not be used any more.'],
  ['25006', 'read-only', 'Connect to the primary: a standby cannot be written.'],
  ['28', 'unauthorized', 'Check the user, the password, and pg_hba.conf.'],
  ['42501', 'unauthorized', 'Let the user of the hubs own the schema of the log.'],
  ['3D000', 'cannot-open', 'Create the database, or correct its name.'],
  ['53100', 'full', 'Make room on the disk of the server.'],
  ['53', 'unreachable', 'The server has no resources left for this node.'],
  ['57014', 'busy', 'The server took too long.'],
  ['55P03', 'busy', 'Another transaction holds the lock of the log: look for prepared or idle ones.'],
  ['40', 'busy', 'Transactions were in the way of each other.'],
  ['08', 'unreachable', 'The connection was lost.'],
  ['57', 'unreachable', 'The server is stopping, or starting.'],
  ['54000', 'too-large', 'A topic or key is too long for an index.'],
  ['XX001', 'corrupt', 'A page of the database is damaged.'],
  ['XX002', 'corrupt', 'An index of the database is damaged.'],
]

/** What an error of the driver means. Its own text stays: it never contains credentials. */
export function toLogError(error: unknown, name: string): LogError {
  if (LogError.is(error)) return error
  if (!(error instanceof Error))
    return new LogError('cannot-open', `PostgreSQL ${name} failed: ${String(error)}`)
  const init = { cause: error, details: { server: name } }
  if (!isFromServer(error))
    return new LogError('unreachable', `PostgreSQL ${name} cannot be reached: ${textOf(error)}.`, init)
  const { code: sqlstate = '' } = error
  const [, code, remedy] = MEANINGS.find(([start]) => sqlstate.startsWith(start)) ?? [
    '',
    'unwritable' as const,
    '',
  ]
  const facts = `PostgreSQL ${name} answered: ${error.message} (SQLSTATE ${sqlstate}).`
  return new LogError(code, `${facts} ${remedy}`.trim(), init)
}

/** Whether the server has answered that a statement had no effect, rather than nothing. */
export function isRefusal(error: unknown): boolean {
  return isFromServer(error) && error.severity !== 'FATAL' && error.severity !== 'PANIC'
}

/** Whether an answer of the server means that its connections are of no more use. */
export function isEndOfSession({ code }: LogError): boolean {
  return code === 'replaced' || code === 'read-only'
}

function isFromServer(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError
}

/** Node reports one error for several addresses of a host without a message of its own. */
function textOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(({ message }: Error) => message).join(', ')
  }
  return error.message.replace(/\.$/, '')
}
