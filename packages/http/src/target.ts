import { parseTopic } from '@tailrace/log'
import { HttpError } from './errors.ts'

/** The target of a request, in its parts. */
export interface Target {
  /** The path's segments, as they were sent. */
  readonly path: string
  readonly query: URLSearchParams
}

// RFC 9112, section 3.2.2: a server must accept the absolute form too.
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i

/** Splits a request target. A URL parser is not used, because it resolves `..` and replaces `\`, which changes the topic. */
export function parseTarget(target: string): Target {
  const relative = target.startsWith('/') ? target : target.replace(ABSOLUTE_FORM, '')
  const mark = relative.indexOf('?')
  const path = mark === -1 ? relative : relative.slice(0, mark)
  if (mark === -1) return { path, query: new URLSearchParams() }
  const query = relative.slice(mark + 1)
  try {
    decodeURIComponent(query)
  } catch {
    throw new HttpError('invalid-path', 'The query has a percent-encoding that is not valid UTF-8.')
  }
  return { path, query: new URLSearchParams(query) }
}

/**
 * The topic that the rest of a path names. An encoded slash is refused: it would span segments, and so circumvent the
 * patterns of a client's rights.
 */
export function topicOf(path: string): string {
  if (!path.includes('%')) return parseTopic(path)
  const segments = path.split('/')
  const decoded = segments.map((segment) => {
    try {
      return decodeURIComponent(segment)
    } catch {
      throw new HttpError('invalid-path', 'The path has a percent-encoding that is not valid UTF-8.')
    }
  })
  if (decoded.some((segment) => segment.includes('/'))) {
    throw new HttpError(
      'invalid-path',
      'A slash in a topic separates its segments: write it as /, not as %2F.',
    )
  }
  return parseTopic(decoded.join('/'))
}
