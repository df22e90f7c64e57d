import type { Connection } from '@tailrace/hub'
import type { Call } from './call.ts'
import { idOf } from './connections.ts'
import { HttpError } from './errors.ts'
import { answerJson } from './json.ts'
import { single } from './query.ts'

/**
 * `DELETE /connections/<id>`: ends a stream, and all others that were opened with its token or ticket, which is refused
 * from now on.
 */
export async function revokeConnection({ hub, gate, exchange, rest: id }: Call): Promise<void> {
  let found: Connection | undefined
  await hub.survey((connection) => {
    if (idOf(connection) === id) found = connection
  })
  if (found === undefined) throw new HttpError('unknown-connection', 'There is no open stream with this id.')
  const { credential } = found.reader ?? {}
  // A client that needs no token cannot be prevented from returning.
  if (credential !== undefined) await gate.revoke({ credential, expiresAt: found.until })
  const ended = await hub.revoke(
    (connection) => idOf(connection) === id || isOf(credential, connection.reader?.credential),
  )
  answerJson(exchange, 200, { ended })
}

/** `DELETE /connections?subject=…`: ends the streams of a subject. Its tokens and tickets so far are refused from now on. */
export async function revokeSubject({ hub, gate, exchange, query }: Call): Promise<void> {
  const subject = single(query, 'subject')
  if (subject === undefined) {
    const message = 'Specify which streams to end: /connections/<id> or /connections?subject=….'
    throw new HttpError('invalid-query', message, { details: { parameter: 'subject' } })
  }
  await gate.revoke({ subject })
  const ended = await hub.revoke(({ reader }) => reader?.subject === subject)
  answerJson(exchange, 200, { ended })
}

/** A ticket that was issued for a revoked token is revoked as well. */
function isOf(revoked: string | undefined, credential: string | undefined): boolean {
  if (revoked === undefined || credential === undefined) return false
  return credential === revoked || credential.startsWith(`${revoked}.`)
}
