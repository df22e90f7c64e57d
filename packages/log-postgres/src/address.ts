import { requireEncoded, withoutCredentials } from '@tailrace/log/adapter'

/** The schema of a log if its URL names none. */
const DEFAULT_SCHEMA = 'tailrace'

const ACCEPTED = ['schema', 'sslmode']
const SSL_MODES = ['disable', 'require', 'verify-full']
// Needs no quotes anywhere, and leaves room for a prefix within the 63 bytes of a name.
const SCHEMA = /^[a-z_][a-z0-9_]{0,49}$/

/** Where a log is, and how to get there. */
export interface Address {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly schema: string
  readonly ssl: false | { readonly rejectUnauthorized: boolean }
  /** Without credentials, for messages. */
  readonly name: string
}

/**
 * Parses `postgres://user:password@host:port/database?schema=tailrace&sslmode=verify-full`. Also `postgresql://`.
 *
 * @throws RangeError with the accepted form
 */
export function parseAddress(url: string, password?: string): Address {
  requireEncoded(url)
  const name = withoutCredentials(url)
  if (!URL.canParse(url))
    throw new RangeError(`${name} is not a URL: use postgres://user@host:5432/database.`)
  const { protocol, hostname, port, username, password: given, pathname, searchParams } = new URL(url)
  if (protocol !== 'postgres:' && protocol !== 'postgresql:')
    throw new RangeError(
      `${name} is not the URL of a PostgreSQL: it must start with postgres:// or postgresql://.`,
    )
  const unknown = [...searchParams.keys()].find((key) => !ACCEPTED.includes(key))
  if (unknown !== undefined)
    throw new RangeError(
      `The URL of a PostgreSQL has the parameters ${ACCEPTED.join(' and ')}, but not ${unknown}.`,
    )
  const schema = searchParams.get('schema') ?? DEFAULT_SCHEMA
  if (!SCHEMA.test(schema) || schema.startsWith('pg_'))
    throw new RangeError(
      `The schema ${JSON.stringify(schema)} is not allowed: use at most 50 lower-case letters, digits and _, no digit first, and not pg_ first.`,
    )
  const sslMode = searchParams.get('sslmode') ?? 'disable'
  if (!SSL_MODES.includes(sslMode))
    throw new RangeError(`The sslmode ${JSON.stringify(sslMode)} is not one of ${SSL_MODES.join(', ')}.`)
  const user = decodeURIComponent(username) || 'postgres'
  return {
    host: hostname.replaceAll(/^\[|\]$/g, '') || 'localhost',
    port: Number(port) || 5432,
    user,
    password: password ?? (given === '' ? undefined : decodeURIComponent(given)),
    database: decodeURIComponent(pathname.slice(1)) || user,
    schema,
    ssl: sslMode === 'disable' ? false : { rejectUnauthorized: sslMode === 'verify-full' },
    name,
  }
}
