import { parseTopic } from '@tailrace/log'
import { HttpError } from './errors.ts'

/** What a request line names. */
export interface Target {
  /** The path's segments, as they were sent. */
  readonly path: string
  readonly query: URLSearchParams
}

// RFC 9112, section 3.2.2: a server must take the absolute form too.
const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i

/** Splits a request target. No URL parser: those resolve `..` and fold `\`, which moves a name elsewhere. */
export function parseTarget(target: string): Target {
  const relative = target.replace(ABSOLUTE_FORM, '')
  const mark = relative.indexOf('?')
  const path = mark === -1 ? relative : relative.slice(0, mark)
  const query = mark === -1 ? '' : relative.slice(mark + 1)
  try {
    decodeURIComponent(query)
  } catch {
    throw new HttpError('invalid-path', 'The query has a percent-encoding that is not valid UTF-8.')
  }
  return { path, query: new URLSearchParams(query) }
}

/**
 * The topic that the rest of a path names. An encoded slash is refused: it would reach across segments,
 * and so across what a pattern in somebody's rights covers.
 */
export function topicOf(path: string): string {
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
