import { parseEngineUrl, refuseUrl } from '@tailrace/log/adapter'
import type { EngineUrl, HostAndPort } from '@tailrace/log/adapter'

const DEFAULT_TOPIC = 'tailrace'
/** What Kafka permits in the name of a topic, and ours: a name that cannot be mistaken for a folder. */
const TOPIC = /^(?!\.{1,2}$)[\w.-]{1,249}$/
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
const MAX_REPLICAS = 32
const FORM = {
  scheme: 'kafka',
  defaultPort: 9092,
  example: 'kafka://user:password@host:9092/topic',
  parameters: ['index', 'replicas', 'sasl'],
}

/** How a user proves to be the one. */
export type Mechanism = (typeof MECHANISMS)[number]

export interface Credentials {
  readonly mechanism: Mechanism
  readonly user: string
  readonly password: string
}

/** Where a log is, and how it is reached. */
export interface KafkaAddress {
  /** Any of them leads to the others. */
  readonly servers: readonly HostAndPort[]
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
  const { usesTls, credentials, hosts, name, parameters } = parseEngineUrl(url, FORM)
  const topic = name || DEFAULT_TOPIC
  if (!TOPIC.test(topic)) {
    throw refuseUrl(url, 'names a topic that is not 1 to 249 letters, digits, dots, hyphens and underscores')
  }
  return {
    servers: hosts,
    usesTls,
    credentials: toCredentials(url, credentials, password, parameters.get('sasl')),
    topic,
    replicas: parseReplicas(url, parameters.get('replicas')),
    index: parameters.get('index') || undefined,
  }
}

function toCredentials(
  url: string,
  given: EngineUrl['credentials'],
  password: string | undefined,
  sasl: string | null,
): Credentials | undefined {
  const mechanism = MECHANISMS.find((one) => one === (sasl ?? 'SCRAM-SHA-512').toUpperCase())
  if (mechanism === undefined) throw refuseUrl(url, `accepts as sasl only ${MECHANISMS.join(', ')}`)
  if (given === undefined) {
    if (password === undefined && sasl === null) return undefined
    throw refuseUrl(url, 'needs a user: kafka://user:password@host:9092')
  }
  const [user, secret] = given
  const key = password ?? secret
  if (!user || key === undefined) throw refuseUrl(url, 'needs a user and a password')
  return { mechanism, user, password: key }
}

function parseReplicas(url: string, text: string | null): number | undefined {
  if (text === null) return undefined
  const replicas = /^\d{1,2}$/.test(text) ? Number(text) : 0
  if (replicas < 1 || replicas > MAX_REPLICAS) throw refuseUrl(url, `accepts 1 to ${MAX_REPLICAS} replicas`)
  return replicas
}
