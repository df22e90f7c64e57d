import { parseEngineUrl, refuseUrl } from '@tailrace/log/adapter'

const DEFAULT_STREAM = 'tailrace'
/** What NATS permits in the name of a stream, and in a word of a subject, in the terminals of all operators. */
const STREAM = /^[\w-]{1,64}$/
const FORM = {
  scheme: 'nats',
  defaultPort: 4222,
  example: 'nats://user:password@host:4222/stream',
  parameters: ['index', 'replicas', 'sync'],
}

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
  const { usesTls, credentials = [], hosts, name, parameters } = parseEngineUrl(url, FORM)
  const [user, secret] = credentials
  const stream = name || DEFAULT_STREAM
  if (!STREAM.test(stream))
    throw refuseUrl(url, 'names a stream that is not 1 to 64 letters, digits, - and _')
  return {
    servers: hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
    usesTls,
    user,
    password: password ?? secret,
    stream,
    replicas: parseReplicas(url, parameters.get('replicas')),
    index: parameters.get('index') || undefined,
    isSynced: parseSync(url, parameters.get('sync')),
  }
}

function parseReplicas(url: string, text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^[1-5]$/.test(text)) throw refuseUrl(url, 'accepts 1 to 5 replicas')
  return Number(text)
}

function parseSync(url: string, text: string | null): boolean {
  if (text !== null && text !== 'always') throw refuseUrl(url, 'accepts no other sync than always')
  return text === 'always'
}
