import { HttpError } from './errors.ts'

const LOOPBACK_IPV4 = /^127(?:\.(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])){3}$/
/** As they are written in a URL, which has one spelling for each address. */
const LOOPBACK_IPV6 = /^\[::(?:1|ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4})\]$/

/** Whether an address to listen on can be reached only from this machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost') || LOOPBACK_IPV4.test(host)) return true
  const url = `http://[${host}]`
  return host.includes(':') && URL.canParse(url) && LOOPBACK_IPV6.test(new URL(url).hostname)
}

/** The name in a `Host` header, without the port and brackets. */
export function nameOf(host: string): string {
  return host
    .replace(/:[0-9]*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
}

/**
 * Keeps pages of other sites away from a hub without keys: if their own name resolves to this machine (DNS
 * rebinding), it is still not a name of this machine.
 *
 * @throws HttpError `foreign-host`
 */
export function requireLoopbackHost(host: string): void {
  if (isLoopback(nameOf(host))) return
  throw new HttpError(
    'foreign-host',
    'A hub without keys only accepts requests to localhost: use that name, or configure keys.',
  )
}

/** Which origins may use a hub from their pages. */
export interface OriginRules {
  /** Origins, or `*`. */
  readonly allowed: readonly string[]
  /**
   * The hub itself terminates TLS, so its own pages are always `https:`. Otherwise, a proxy may or may not add
   * TLS.
   */
  readonly isSecure: boolean
}

/** The headers of a request that describe the page that caused it. Clients other than browsers send none of them. */
export interface AskingPage {
  readonly origin: string | undefined
  readonly host: string
  /** `Sec-Fetch-Site`. */
  readonly site: string | undefined
}

/** Whether a browser lets a page of this origin read the response. */
export function isAllowed({ allowed }: OriginRules, origin: string): boolean {
  return allowed.includes('*') || allowed.includes(origin)
}

/** Refuses writes that a page of another site caused a browser to send. @throws HttpError `cross-origin` */
export function requireKnownOrigin(rules: OriginRules, page: AskingPage): void {
  // `*` lets every page read. It does not let every page act on behalf of the person who views it.
  if (isOwnPage(rules, page) || (page.origin !== undefined && rules.allowed.includes(page.origin))) return
  throw crossOrigin('write')
}

/**
 * Refuses reads that a page caused a browser to send, and whose response it could not see. @throws HttpError
 * `cross-origin`
 */
export function requireReadableOrigin(rules: OriginRules, page: AskingPage): void {
  // A browser requests an image or a script for a foreign page without `Origin`.
  if (isOwnPage(rules, page) || isAllowed(rules, page.origin ?? '*')) return
  throw crossOrigin('read')
}

function crossOrigin(what: string): HttpError {
  return new HttpError(
    'cross-origin',
    `Requests from this origin are not allowed to ${what}. Allow it with --allow-origin, or with \`allowOrigins\` in an application.`,
  )
}

/** Whether a page has the origin under which the hub was requested. */
export function isOwnPage({ isSecure }: OriginRules, { origin, host, site }: AskingPage): boolean {
  if (origin === undefined) return site === undefined || site === 'same-origin' || site === 'none'
  const url = URL.canParse(origin) ? new URL(origin) : null
  const schemes = isSecure ? ['https:'] : ['http:', 'https:']
  if (url === null || !schemes.includes(url.protocol)) return false
  const standardPort = url.protocol === 'https:' ? ':443' : ':80'
  const name = host.toLowerCase()
  return url.host === (name.endsWith(standardPort) ? name.slice(0, -standardPort.length) : name)
}
