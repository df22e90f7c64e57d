import {
  DiscardPolicy,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamInfo,
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { LogError } from '@tailrace/log'
import { mintEpoch } from '@tailrace/log/adapter'

import { isNoResponder, StreamCode, toLogError } from './errors.ts'
import type { NatsAddress } from './nats-url.ts'

/** In a cluster, a log has this many copies unless its URL says otherwise. */
const DEFAULT_REPLICAS = 3

/**
 * A stream that holds a log. Its only subject contains a random word, so that a record for this log can never be stored
 * in another stream that was created in its place.
 */
export interface LogStream {
  readonly subject: string
  /** Another one for a stream that was deleted and created again, even from its own configuration. */
  readonly identity: string
  readonly info: StreamInfo
}

/** @returns undefined if there is no such stream @throws LogError `foreign`, `incompatible` … */
export async function findStream(
  connection: NatsConnection,
  manager: JetStreamManager,
  name: string,
): Promise<LogStream | undefined> {
  let info: StreamInfo
  try {
    info = await manager.streams.info(name)
  } catch (error) {
    if (codeOf(error) === StreamCode.notFound) return undefined
    throw notAvailable(connection, error)
  }
  return ourStream(info)
}

/** @throws LogError `foreign`, `incompatible`, `full` … */
export async function createStream(
  connection: NatsConnection,
  manager: JetStreamManager,
  { stream: name, replicas }: NatsAddress,
): Promise<LogStream> {
  const isClustered = connection.info?.cluster !== undefined
  try {
    const info = await manager.streams.add({
      name,
      subjects: [`tailrace.${name}.${mintEpoch()}`],
      description: 'A Tailrace log. Its identity is the last word of its subject.',
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      num_replicas: replicas ?? (isClustered ? DEFAULT_REPLICAS : 1),
    })
    return ourStream(info)
  } catch (error) {
    // Another node was faster.
    const stream =
      codeOf(error) === StreamCode.nameInUse ? await findStream(connection, manager, name) : undefined
    if (stream !== undefined) return stream
    throw refusal(name, error)
  }
}

function ourStream(info: StreamInfo): LogStream {
  const { config, created } = info
  const { name } = config
  // A mirror has none.
  const subjects = (config.subjects as string[] | undefined) ?? []
  const [subject = ''] = subjects
  const prefix = `tailrace.${name}.`
  const id = subject.slice(prefix.length)
  if (subjects.length !== 1 || !subject.startsWith(prefix) || !/^[a-z\d]+$/.test(id)) {
    throw new LogError(
      'foreign',
      `The stream "${name}" is not a Tailrace log: it would have the only subject ${prefix}<id>. Name another stream in the URL.`,
      { details: { stream: name, subjects: subjects.join(' ') } },
    )
  }
  const unusable = [
    config.retention !== RetentionPolicy.Limits &&
      `its retention is "${config.retention}" rather than "limits"`,
    config.max_msgs_per_subject > 0 && 'it has a max_msgs_per_subject',
    config.sealed && 'it is sealed',
    config.deny_purge && 'it denies purges, so that retention could free nothing',
    config.no_ack === true && 'it acknowledges nothing (no_ack)',
  ].filter((one) => one !== false)
  if (unusable.length > 0) {
    throw new LogError('incompatible', `The stream "${name}" cannot hold a log: ${unusable.join(', ')}.`, {
      details: { stream: name },
    })
  }
  return { subject, identity: `${id}@${created}`, info }
}

function notAvailable(connection: NatsConnection, error: unknown): LogError {
  const isOff = isNoResponder(error) && connection.info?.jetstream !== true
  if (!isOff && codeOf(error) !== StreamCode.notEnabledForAccount) return toLogError(error, 'read')
  const where = isOff
    ? 'on this server: add jetstream {} to its configuration'
    : 'for the account of this user'
  return new LogError('incompatible', `JetStream is not enabled ${where}.`, { cause: error })
}

function refusal(name: string, error: unknown): LogError {
  const init = { details: { stream: name }, cause: error }
  switch (codeOf(error)) {
    case StreamCode.subjectsOverlap:
      return new LogError(
        'foreign',
        `Another stream already takes the subjects tailrace.${name}.*: delete it, or name another stream in the URL.`,
        init,
      )
    case StreamCode.noPeers:
    case StreamCode.notClustered:
      return new LogError(
        'incompatible',
        'The NATS cluster has fewer servers than the log is to have replicas: add servers, or ?replicas=1 to the URL.',
        init,
      )
    default:
      return toLogError(error, 'read')
  }
}

/** The driver wraps some errors of JetStream into its own. */
function codeOf(error: unknown): number | undefined {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof JetStreamApiError) return one.code
  }
  return undefined
}
