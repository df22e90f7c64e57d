import { requireEncoded, withoutCredentials } from '@tailrace/log/adapter'

const DEFAULT_STREAM = 'tailrace'
const DEFAULT_PORT = 4222
/** What NATS permits in the name of a stream, and in a word of a subject, in the terminals of all operators. */
const STREAM = /^[\w-]{1,64}$/
const QUERY: readonly string[] = ['index', 'replicas', 'sync']

/** Where a log is, and how it is reached. */
export interface NatsAddress {
  /** Each as `host:port`; any of them leads to the stream. */
  readonly servers: readonly string[]
  readonly usesTls: boolean
  /** With a password. Alone, either of them is a token. */
  readonly user: string | undefined
  readonly password: string | undefined
  readonly stream: string
  /** The copies of each record, if the log is created. */
  readonly replicas: number | undefined
  /** The folder of the index. */
  readonly index: string | undefined
  /** The operator states that every server has `sync_interval: always`. */
  readonly isSynced: boolean
}

/**
 * Parses `nats://[user:password@]host[:port][,…][/stream][?replicas=3&sync=always&index=DIR]`.
 *
 * @throws RangeError if anything in it is not understood
 */
export function parseNatsUrl(url: string, password?: string): NatsAddress {
  requireEncoded(url)
  const parts = /^nats(\+tls)?:\/\/(?:([^/?]*)@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(url)
  if (parts === null) {
    throw refuse(url, 'must look like nats://user:password@host:4222/stream')
  }
  const [, tls, credentials, hosts, stream, query] = parts
  const [user, secret] = parseCredentials(url, credentials)
  const values = new URLSearchParams(query)
  for (const name of values.keys()) {
    if (!QUERY.includes(name)) throw refuse(url, `accepts only ${QUERY.join(', ')} in its query, not ${name}`)
  }
  const name = stream || DEFAULT_STREAM
  if (!STREAM.test(name)) throw refuse(url, 'names a stream that is not 1 to 64 letters, digits, - and _')
  return {
    servers: hosts!.split(',').map((host) => parseServer(url, host)),
    usesTls: tls !== undefined,
    user,
    password: password ?? secret,
    stream: name,
    replicas: parseReplicas(url, values.get('replicas')),
    index: values.get('index') || undefined,
    isSynced: parseSync(url, values.get('sync')),
  }
}

function parseCredentials(url: string, text: string | undefined): (string | undefined)[] {
  if (text === undefined) return []
  const colon = text.indexOf(':')
  const words = colon === -1 ? [text] : [text.slice(0, colon), text.slice(colon + 1)]
  try {
    return words.map(decodeURIComponent)
  } catch {
    throw refuse(url, 'has credentials that are not percent-encoded')
  }
}

function parseServer(url: string, host: string): string {
  const parts = /^(\[[\da-f:.]+\]|[^\s:[\]]+)(?::(\d{1,5}))?$/i.exec(host)
  const port = Number(parts?.[2] ?? DEFAULT_PORT)
  if (parts === null || port < 1 || port > 65_535) throw refuse(url, 'has a server that is not host:port')
  return `${parts[1]}:${port}`
}

function parseReplicas(url: string, text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^[1-5]$/.test(text)) throw refuse(url, 'accepts 1 to 5 replicas')
  return Number(text)
}

function parseSync(url: string, text: string | null): boolean {
  if (text !== null && text !== 'always') throw refuse(url, 'accepts no other sync than always')
  return text === 'always'
}

function refuse(url: string, what: string): RangeError {
  return new RangeError(`The URL ${withoutCredentials(url)} ${what}.`)
}
