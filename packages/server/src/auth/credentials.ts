import { HttpError } from '@tailrace/http'

/** The parts of a request that may contain credentials. */
export interface Asker {
  readonly authorization: string | undefined
  readonly cookie: string | undefined
  readonly ticket: string | undefined
}

/** How a request is authorized. A browser sends a cookie no matter which page caused the request. */
export type Credential =
  | { readonly kind: 'token' | 'cookie'; readonly token: string }
  | { readonly kind: 'ticket'; readonly ticket: string }

// RFC 6750, section 2.1, and RFC 7235: the scheme is case-insensitive.
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i

/**
 * Returns the first credential found. One that was put into the request deliberately takes precedence over a
 * cookie.
 */
export function credentialOf(
  { authorization, cookie, ticket }: Asker,
  cookieName: string,
): Credential | undefined {
  if (authorization !== undefined) {
    const token = BEARER.exec(authorization)?.[1]
    if (token === undefined) {
      throw new HttpError('invalid-token', 'The Authorization header must be `Bearer` followed by a token.', {
        headers: {
          'WWW-Authenticate': 'Bearer error="invalid_request"',
        },
      })
    }
    return { kind: 'token', token }
  }
  if (ticket !== undefined) return { kind: 'ticket', ticket }
  const token = cookie === undefined ? undefined : cookieOf(cookie, cookieName)
  return token === undefined ? undefined : { kind: 'cookie', token }
}

/** RFC 6265, section 5.4: `name=value` pairs. The first one with a name is the most specific. */
function cookieOf(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const at = pair.indexOf('=')
    if (at !== -1 && pair.slice(0, at).trim() === name) {
      const value = pair.slice(at + 1).trim()
      return value === '' ? undefined : value
    }
  }
  return undefined
}
