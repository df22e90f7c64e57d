import { HttpError } from './errors.ts'
import type { RequestHead } from './exchange.ts'
import { utf8Of } from './utf8.ts'

/** A request header that may be sent once, decoded as UTF-8. @throws HttpError `invalid-header` */
export function header(head: RequestHead, name: string): string | undefined {
  const values = head.values(name.toLowerCase())
  const [value] = values
  if (value === undefined) return undefined
  const details = { header: name }
  if (values.length > 1)
    throw new HttpError('invalid-header', `${name} must not be given more than once.`, { details })
  // Node delivers a header with one character for each byte.
  const text = utf8Of(Buffer.from(value, 'latin1'))
  if (text === undefined) throw new HttpError('invalid-header', `${name} is not valid UTF-8.`, { details })
  return text
}
