import { parseHost, requireEncoded, withoutCredentials } from '@tailrace/log/adapter'
import type { HostAndPort } from '@tailrace/log/adapter'

const DEFAULT_PORT = 6379
const DEFAULT_SENTINEL_PORT = 26_379
const DEFAULT_PREFIX = 'tailrace'
/** Accepted in a prefix: it is part of every key, inside braces, and of patterns for keys. */
const PREFIX = /^[A-Za-z0-9_.:/-]{1,64}$/
const SCHEMES = /^(redis|rediss|redis\+sentinel|rediss\+sentinel|redis\+cluster|rediss\+cluster):\/\/(.*)$/s

/** Where the log is, and who asks for it. */
export interface RedisAddress {
  /** Of the server itself, of Sentinels that know it, or of nodes of its cluster. At least one. */
  readonly hosts: readonly HostAndPort[]
  readonly kind: 'server' | 'sentinel' | 'cluster'
  readonly isSecure: boolean
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: number
  /** The name by which the Sentinels know the server. */
  readonly master: string
  /** What the names of all keys of the log start with, inside braces. */
  readonly prefix: string
  /** For people to read. */
  readonly text: string
}

/** @throws RangeError if the URL is not one of those that a Redis log accepts; it does not contain credentials */
export function parseRedisUrl(url: string, password?: string): RedisAddress {
  requireEncoded(url)
  const text = withoutCredentials(url)
  const [, scheme, rest] = SCHEMES.exec(url) ?? []
  if (scheme === undefined || rest === undefined) {
    throw new RangeError(
      `${text} is not the URL of a Redis log: it must start with redis://, redis+sentinel:// or redis+cluster://, or with rediss for TLS.`,
    )
  }
  const [address, query = ''] = splitOnce(rest, '?')
  const at = address.lastIndexOf('@')
  const credentials = at === -1 ? '' : address.slice(0, at)
  const [list, path = ''] = splitOnce(address.slice(at + 1), '/')
  const kind = kindOf(scheme)
  const [user, secret] = splitOnce(credentials, ':')
  const segments = path.split('/').filter((segment) => segment !== '')
  const master = kind === 'sentinel' ? segments.shift() : ''
  if (master === undefined) {
    throw new RangeError(`${text} does not name the master that its Sentinels watch, as in /mymaster.`)
  }
  const hosts = parseHosts(list, kind === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT)
  if (hosts === undefined || (kind === 'server' && hosts.length > 1)) {
    const what = kind === 'server' ? 'one host' : 'hosts, separated by commas'
    throw new RangeError(`${text} must name ${what}, each with a port or without.`)
  }
  return {
    hosts,
    kind,
    isSecure: scheme.startsWith('rediss'),
    user: decode(user, text) || undefined,
    password: password ?? (secret === undefined ? undefined : decode(secret, text)),
    database: parseDatabase(segments, kind, text),
    master: decode(master, text),
    prefix: parsePrefix(query, text),
    text,
  }
}

function kindOf(scheme: string): RedisAddress['kind'] {
  const [, kind] = scheme.split('+', 2)
  return kind === 'sentinel' || kind === 'cluster' ? kind : 'server'
}

function splitOnce(text: string, separator: string): readonly [string, string?] {
  const at = text.indexOf(separator)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)]
}

function parseHosts(list: string, defaultPort: number): HostAndPort[] | undefined {
  const hosts = list.split(',').map((item) => parseHost(item, defaultPort))
  return hosts.every((host) => host !== undefined) ? hosts : undefined
}

function parseDatabase(segments: readonly string[], kind: RedisAddress['kind'], text: string): number {
  const [database = '0', ...more] = segments
  if (!/^\d{1,5}$/.test(database) || more.length > 0) {
    throw new RangeError(`${text} has more in its path than the number of a database.`)
  }
  if (kind === 'cluster' && database !== '0') {
    throw new RangeError(`${text} names a database: a cluster has only database 0.`)
  }
  return Number(database)
}

function parsePrefix(query: string, text: string): string {
  const parameters = new URLSearchParams(query)
  for (const name of parameters.keys()) {
    if (name !== 'prefix')
      throw new RangeError(`${text} has the parameter ${name}: a Redis log accepts prefix.`)
  }
  const prefix = parameters.get('prefix') ?? DEFAULT_PREFIX
  if (PREFIX.test(prefix)) return prefix
  throw new RangeError(
    `${text} has a prefix that is not valid: use 1 to 64 of the characters A-Z a-z 0-9 _ . : / and -.`,
  )
}

function decode(text: string, url: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new RangeError(`${url} has credentials that are not percent-encoded correctly.`)
  }
}
