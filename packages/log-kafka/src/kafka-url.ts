import { requireEncoded, withoutCredentials } from '@tailrace/log/adapter'

const DEFAULT_TOPIC = 'tailrace'
const DEFAULT_PORT = 9092
/** What Kafka permits in the name of a topic, and ours: a name that cannot be mistaken for a folder. */
const TOPIC = /^(?!\.{1,2}$)[\w.-]{1,249}$/
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const MAX_REPLICAS = 32
const QUERY: readonly string[] = ['index', 'replicas', 'sasl']

/** How a user proves to be the one. */
export type Mechanism = (typeof MECHANISMS)[number]

export interface Server {
  readonly host: string
  readonly port: number
}

export interface Credentials {
  readonly mechanism: Mechanism
  readonly user: string
  readonly password: string
}

/** Where a log is, and how it is reached. */
export interface KafkaAddress {
  /** Any of them leads to the others. */
  readonly servers: readonly Server[]
  readonly usesTls: boolean
  readonly credentials: Credentials | undefined
  readonly topic: string
  /** The copies of each record, if the topic is created. */
  readonly replicas: number | undefined
  /** The folder of the index. */
  readonly index: string | undefined
}

/**
 * Parses `kafka://[user:password@]host[:port][,…][/topic][?replicas=3&sasl=PLAIN&index=DIR]`.
 *
 * @throws RangeError if anything in it is not understood
 */
export function parseKafkaUrl(url: string, password?: string): KafkaAddress {
  requireEncoded(url)
  const parts = /^kafka(\+tls)?:\/\/(?:([^/?]*)@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(url)
  if (parts === null) throw refuse(url, 'must look like kafka://user:password@host:9092/topic')
  const [, tls, userInfo, hosts, topic, query] = parts
  const values = new URLSearchParams(query)
  for (const name of values.keys()) {
    if (!QUERY.includes(name)) throw refuse(url, `accepts only ${QUERY.join(', ')} in its query, not ${name}`)
  }
  const name = topic || DEFAULT_TOPIC
  if (!TOPIC.test(name)) {
    throw refuse(url, 'names a topic that is not 1 to 249 letters, digits, dots, hyphens and underscores')
  }
  return {
    servers: hosts!.split(',').map((host) => parseServer(url, host)),
    usesTls: tls !== undefined,
    credentials: parseCredentials(url, userInfo, password, values.get('sasl')),
    topic: name,
    replicas: parseReplicas(url, values.get('replicas')),
    index: values.get('index') || undefined,
  }
}

function parseServer(url: string, text: string): Server {
  const parts = /^(?:\[([\da-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(text)
  const port = Number(parts?.[3] ?? DEFAULT_PORT)
  if (parts === null || port < 1 || port > 65_535) throw refuse(url, 'has a server that is not host:port')
  return { host: (parts[1] ?? parts[2])!, port }
}

function parseCredentials(
  url: string,
  userInfo: string | undefined,
  password: string | undefined,
  sasl: string | null,
): Credentials | undefined {
  const mechanism = MECHANISMS.find((one) => one === (sasl ?? 'SCRAM-SHA-512').toUpperCase())
  if (mechanism === undefined) throw refuse(url, `accepts as sasl only ${MECHANISMS.join(', ')}`)
  if (userInfo === undefined) {
    if (password === undefined && sasl === null) return undefined
    throw refuse(url, 'needs a user: kafka://user:password@host:9092')
  }
  const [user, secret] = decode(url, userInfo)
  const key = password ?? secret
  if (!user || key === undefined) throw refuse(url, 'needs a user and a password')
  return { mechanism, user, password: key }
}

function decode(url: string, userInfo: string): (string | undefined)[] {
  const colon = userInfo.indexOf(':')
  const words = colon === -1 ? [userInfo] : [userInfo.slice(0, colon), userInfo.slice(colon + 1)]
  try {
    return words.map(decodeURIComponent)
  } catch {
    throw refuse(url, 'has credentials that are not percent-encoded')
  }
}

function parseReplicas(url: string, text: string | null): number | undefined {
  if (text === null) return undefined
  const replicas = /^\d{1,2}$/.test(text) ? Number(text) : 0
  if (replicas < 1 || replicas > MAX_REPLICAS) throw refuse(url, `accepts 1 to ${MAX_REPLICAS} replicas`)
  return replicas
}

function refuse(url: string, what: string): RangeError {
  return new RangeError(`The URL ${withoutCredentials(url)} ${what}.`)
}
