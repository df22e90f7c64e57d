import { BlockList, isIP } from 'node:net'
import { HttpError } from '../http/problem.ts'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether an address to listen on can be reached only from this machine. */
export function isLoopback(host: string): boolean {
  const family = isIP(host)
  if (family === 0) return host === 'localhost' || host.endsWith('.localhost')
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6')
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
    `Requests from this origin are not allowed to ${what}. Allow it with --allow-origin.`,
  )
}

/** Whether a page has the origin under which the hub was requested. */
export function isOwnPage({ isSecure }: OriginRules, { origin, host, site }: AskingPage): boolean {
  if (origin === undefined) return site === undefined || site === 'same-origin' || site === 'none'
  const url = URL.parse(origin)
  const schemes = isSecure ? ['https:'] : ['http:', 'https:']
  if (url === null || !schemes.includes(url.protocol)) return false
  const standardPort = url.protocol === 'https:' ? ':443' : ':80'
  const name = host.toLowerCase()
  return url.host === (name.endsWith(standardPort) ? name.slice(0, -standardPort.length) : name)
}
