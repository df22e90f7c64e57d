import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { HttpError } from './problem.ts'

/** A request header that may be given once, as UTF-8. Node hands over each byte as a character of its own. */
export function header({ headers, rawHeaders }: IncomingMessage, name: string): string | undefined {
  const key = name.toLowerCase()
  // Most requests have none of those that are asked for: the walk is for those that do.
  if (headers[key] === undefined) return undefined
  // As they came: by then, HTTP/2 has joined what is given twice.
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === key)
  if (values.length > 1)
    throw new HttpError('invalid-header', `${name} must not be given more than once.`, { header: name })
  return values[0] === undefined ? undefined : toUtf8(name, values[0])
}

/** The text of a header whose characters are bytes. @throws HttpError `invalid-header` when it is not UTF-8 */
export function toUtf8(name: string, value: string): string {
  const bytes = Buffer.from(value, 'latin1')
  if (!isUtf8(bytes)) throw new HttpError('invalid-header', `${name} is not valid UTF-8.`, { header: name })
  return bytes.toString('utf8')
}
