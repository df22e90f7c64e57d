import type { HostAndPort } from '@tailrace/log/adapter'
import { createTopicsV7, metadataV12 } from '@platformatic/kafka'
import { LogError } from '@tailrace/log'
import { setTimeout as delay } from 'node:timers/promises'

import type { Broker } from './broker.ts'
import { apiErrorOf, toLogError } from './errors.ts'

/** How long the cluster may take to create a topic. */
const CREATE_TIMEOUT_MS = 3_000
/** Until a broker knows the leader of a new topic. */
const POLL_MS = 20
/** Of a topic that is created: about as much as managed services permit. A batch of events must fit. */
const MAX_MESSAGE_BYTES = 8 * 2 ** 20
/** With fewer copies, each of them must be written, or one broker that stops would stop publishers. */
const REPLICAS_OF_WHICH_TWO = 3

export interface Topic {
  readonly name: string
  readonly id: string
  /** Of the cluster and the topic: a topic that is deleted and created again has another one. */
  readonly identity: string
  /** The broker that orders its records. */
  readonly leader: HostAndPort
  readonly leaderId: number
  readonly replicas: number
}

/** Undefined if there is no topic of this name. @throws LogError `foreign` if it cannot hold a log; as `toLogError` */
export async function findTopic(broker: Broker, name: string): Promise<Topic | undefined> {
  const metadata = await readMetadata(broker, name)
  const topic = metadata?.topics[0]
  if (metadata === undefined || topic === undefined) return undefined
  const [partition, second] = topic.partitions
  if (partition === undefined || second !== undefined) {
    throw new LogError(
      'foreign',
      `The Kafka topic "${name}" has ${topic.partitions.length} partitions. A log needs a topic with exactly one, ` +
        'because Kafka orders nothing else. Name another topic in the URL; it is created if it is missing.',
      { details: { topic: name, partitions: topic.partitions.length } },
    )
  }
  const leader = metadata.brokers.find(({ nodeId }) => nodeId === partition.leaderId)
  if (leader === undefined) {
    throw new LogError('unreachable', `No Kafka broker leads the topic "${name}" now.`, {
      details: { topic: name },
    })
  }
  return {
    name,
    id: topic.topicId,
    identity: `kafka:${metadata.clusterId ?? ''}:${topic.topicId}`,
    leader,
    leaderId: leader.nodeId,
    replicas: partition.replicaNodes.length,
  }
}

async function readMetadata(broker: Broker, name: string): Promise<metadataV12.MetadataResponse | undefined> {
  try {
    return await broker.call(metadataV12.api, [name], false)
  } catch (error) {
    if (apiErrorOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return undefined
    throw toLogError(error, `describe the topic "${name}"`, 'read')
  }
}

/** Also if another node creates it at the same time. */
export async function createTopic(
  broker: Broker,
  name: string,
  replicas: number | undefined,
  signal: AbortSignal,
): Promise<Topic> {
  const configs = [
    { name: 'cleanup.policy', value: 'delete' },
    { name: 'retention.ms', value: '-1' },
    { name: 'retention.bytes', value: '-1' },
    { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
    // One clock for all nodes, which no node that is wrong can disturb.
    { name: 'message.timestamp.type', value: 'LogAppendTime' },
    ...(replicas !== undefined && replicas >= REPLICAS_OF_WHICH_TWO
      ? [{ name: 'min.insync.replicas', value: '2' }]
      : []),
  ]
  const topic = { name, numPartitions: 1, replicationFactor: replicas ?? -1, assignments: [], configs }
  try {
    await broker.call(createTopicsV7.api, [topic], CREATE_TIMEOUT_MS, false)
  } catch (error) {
    if (apiErrorOf(error) !== 'TOPIC_ALREADY_EXISTS')
      throw toLogError(error, `create the topic "${name}"`, 'write')
  }
  for (;;) {
    const found = await findTopic(broker, name).catch((error: unknown) => {
      if (LogError.is(error) && error.code === 'unreachable' && !signal.aborted) return undefined
      throw error
    })
    if (found !== undefined) return found
    await delay(POLL_MS, undefined, { signal })
  }
}
