import type { Call } from './call.ts'
import { HttpError } from './errors.ts'
import { answerJson } from './json.ts'
import { single } from './query.ts'

/**
 * `DELETE /connections/<id>`: ends a stream, and all others that were opened with its token or ticket, which is refused
 * from now on.
 */
export async function revokeConnection({ processes, exchange, rest: id }: Call): Promise<void> {
  const found = id === undefined ? undefined : await processes.findStream(id)
  if (found === undefined) throw new HttpError('unknown-connection', 'There is no open stream with this id.')
  const { credential, until } = found
  // A client that needs no token cannot be prevented from returning.
  const revoked = credential === undefined ? undefined : { credential, expiresAt: until }
  answerJson(exchange, 200, await processes.endStreams({ id, revoked }))
}

/** `DELETE /connections?subject=…`: ends the streams of a subject. Its tokens and tickets so far are refused from now on. */
export async function revokeSubject({ processes, exchange, query }: Call): Promise<void> {
  const subject = single(query, 'subject')
  if (subject === undefined) {
    const message = 'Specify which streams to end: /connections/<id> or /connections?subject=….'
    throw new HttpError('invalid-query', message, { details: { parameter: 'subject' } })
  }
  answerJson(exchange, 200, await processes.endStreams({ revoked: { subject } }))
}
