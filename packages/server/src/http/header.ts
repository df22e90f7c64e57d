import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { HttpError } from './problem.ts'

/** A request header that may be given once, as UTF-8. Node hands over each byte as a character of its own. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const key = name.toLowerCase()
  // What asks by HTTP/2 only looks like a request, and joins what is given twice.
  const distinct = request.headersDistinct as typeof request.headersDistinct | undefined
  const values = distinct === undefined ? request.headers[key] : distinct[key]
  if (values === undefined) return undefined
  if (typeof values === 'string') return toUtf8(name, values)
  if (values.length > 1) throw new HttpError('invalid-header', `${name} may be given once.`, { header: name })
  return toUtf8(name, values[0]!)
}

/** The text of a header whose characters are bytes. @throws HttpError `invalid-header` when it is not UTF-8 */
export function toUtf8(name: string, value: string): string {
  const bytes = Buffer.from(value, 'latin1')
  if (!isUtf8(bytes)) throw new HttpError('invalid-header', `${name} is not valid UTF-8.`, { header: name })
  return bytes.toString('utf8')
}
