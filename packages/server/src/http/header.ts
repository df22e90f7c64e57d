import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { HttpError } from './problem.ts'

/** A request header that may be given once, as UTF-8. Node hands over each byte as a character of its own. */
export function header(request: IncomingMessage, name: string): string | undefined {
  const values = request.headersDistinct[name.toLowerCase()]
  if (values === undefined) return undefined
  if (values.length > 1) throw new HttpError('invalid-header', `${name} may be given once.`, { header: name })
  const bytes = Buffer.from(values[0]!, 'latin1')
  if (!isUtf8(bytes)) throw new HttpError('invalid-header', `${name} is not valid UTF-8.`, { header: name })
  return bytes.toString('utf8')
}
