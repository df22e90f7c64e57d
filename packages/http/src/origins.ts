import { HttpError } from './errors.ts'

const LOOPBACK_IPV4 = /^127(?:\.(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}$/
/** As a URL spells them, which is one way for each address. */
const LOOPBACK_IPV6 = /^\[::(?:1|ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})\]$/

/** Whether an address to listen on can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost') || LOOPBACK_IPV4.test(host)) return true
  const url = `http://[${host}]`
  return host.includes(':') && URL.canParse(url) && LOOPBACK_IPV6.test(new URL(url).hostname)
}

/** The name in a `Host` header, without port and brackets. */
export function nameOf(host: string): string {
  return host
    .replace(/:[0-9]*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
}

/**
 * Keeps pages of other sites off a hub without keys: a name of theirs that resolves to this machine (DNS
 * rebinding) is none of its own.
 *
 * @throws HttpError `foreign-host`
 */
export function requireLoopbackHost(host: string): void {
  if (isLoopback(nameOf(host))) return
  throw new HttpError(
    'foreign-host',
    'A hub without keys answers only to localhost: use that name, or give the hub keys.',
  )
}

export interface OriginRules {
  /** Origins, or `*`. */
  readonly allowed: readonly string[]
  /** The hub has TLS of its own, so its pages are of `https:` only. Otherwise a proxy may give it to them. */
  readonly isSecure: boolean
}

/** What a request says of the page that made a browser send it. What is no browser says nothing. */
export interface AskingPage {
  readonly origin: string | undefined
  readonly host: string
  /** `Sec-Fetch-Site`. */
  readonly site: string | undefined
}

/** Whether a browser lets a page of this origin read what comes back. */
export function isAllowed({ allowed }: OriginRules, origin: string): boolean {
  return allowed.includes('*') || allowed.includes(origin)
}

/** Refuses writes that a page of another site has made a browser send. @throws HttpError `cross-origin` */
export function requireKnownOrigin(rules: OriginRules, page: AskingPage): void {
  // `*` lets anybody read; it does not let every page act for whoever looks at it.
  if (isOwnPage(rules, page) || (page.origin !== undefined && rules.allowed.includes(page.origin))) return
  throw crossOrigin('write')
}

/** Refuses reads that a page has made a browser send, and that it could not see. @throws HttpError `cross-origin` */
export function requireReadableOrigin(rules: OriginRules, page: AskingPage): void {
  // An image or a script of another page is asked for without an `Origin`.
  if (isOwnPage(rules, page) || isAllowed(rules, page.origin ?? '*')) return
  throw crossOrigin('read')
}

function crossOrigin(what: string): HttpError {
  return new HttpError(
    'cross-origin',
    `Pages of this origin may not ${what} here: allow their origin with --allow-origin.`,
  )
}

/** Whether a page has the origin under which the hub was asked. */
export function isOwnPage({ isSecure }: OriginRules, { origin, host, site }: AskingPage): boolean {
  if (origin === undefined) return site === undefined || site === 'same-origin' || site === 'none'
  const url = URL.canParse(origin) ? new URL(origin) : null
  const schemes = isSecure ? ['https:'] : ['http:', 'https:']
  if (url === null || !schemes.includes(url.protocol)) return false
  const standardPort = url.protocol === 'https:' ? ':443' : ':80'
  const name = host.toLowerCase()
  return url.host === (name.endsWith(standardPort) ? name.slice(0, -standardPort.length) : name)
}
