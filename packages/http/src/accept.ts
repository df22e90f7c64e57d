import Negotiator from 'negotiator'
import { HttpError } from './errors.ts'

export const STREAM = 'text/event-stream'
export const JSON_TYPE = 'application/json'

/** The longest `Accept`, in characters; those of browsers have up to 250. Negotiator's time grows with its square. */
const MAX_ACCEPT_LENGTH = 1_024

/**
 * The representation that a reader wants: the stream, if it accepts anything or sends no `Accept`.
 *
 * @throws HttpError `invalid-header` if `Accept` is too long
 */
export function wanted(accept: string | undefined): typeof STREAM | typeof JSON_TYPE | undefined {
  if (accept !== undefined && accept.length > MAX_ACCEPT_LENGTH) {
    throw new HttpError(
      'invalid-header',
      `The Accept header is longer than ${MAX_ACCEPT_LENGTH} characters: name fewer types.`,
      { details: { header: 'Accept' } },
    )
  }
  const headers = accept === undefined ? {} : { accept }
  const type = new Negotiator({ headers }).mediaType([STREAM, JSON_TYPE])
  return type === STREAM || type === JSON_TYPE ? type : undefined
}
