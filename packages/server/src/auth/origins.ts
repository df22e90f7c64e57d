import { BlockList, isIP } from 'node:net'
import { HttpError } from '../http/problem.ts'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

/** Whether an address to listen on can only be reached from this machine. */
export function isLoopback(host: string): boolean {
  const family = isIP(host)
  if (family === 0) return host === 'localhost' || host.endsWith('.localhost')
  return LOOPBACK.check(host, family === 4 ? 'ipv4' : 'ipv6')
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
}

/** Whether a browser lets a page of this origin read what comes back. */
export function isAllowed({ allowed }: OriginRules, origin: string): boolean {
  return allowed.includes('*') || allowed.includes(origin)
}

/**
 * Refuses writes that a page of another site has made a browser send. Who is no browser sends no `Origin`.
 *
 * @throws HttpError `cross-origin`
 */
export function requireKnownOrigin(
  { allowed }: OriginRules,
  { origin, host, site }: { origin: string | undefined; host: string; site: string | undefined },
): void {
  if (
    origin === undefined
      ? site === undefined || site === 'same-origin' || site === 'none'
      : isOwn(origin, host)
  )
    return
  // `*` lets anybody read; it does not let every page act for whoever looks at it.
  if (origin !== undefined && allowed.includes(origin)) return
  throw new HttpError(
    'cross-origin',
    'Pages of this origin may not write here: allow it with --allow-origin.',
  )
}

/** Whether a page has the origin under which the hub was asked. */
export function isOwn(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase().replace(/:80$|:443$/, '')
}
