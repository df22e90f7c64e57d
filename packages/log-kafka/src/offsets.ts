import { FetchIsolationLevels, listOffsetsV7, ListOffsetTimestamps } from '@platformatic/kafka'
import { LogError } from '@tailrace/log'

import type { Broker } from './broker.ts'
import { toLogError } from './errors.ts'

const CLIENT_REPLICA = -1
const ANY_EPOCH = -1

/** The offset of the oldest record of a topic, and the one behind its newest, which all brokers in sync have. */
export async function readOffsets(broker: Broker, topic: string): Promise<{ start: number; end: number }> {
  const [start, end] = await Promise.all([
    readOffset(broker, topic, ListOffsetTimestamps.EARLIEST),
    readOffset(broker, topic, ListOffsetTimestamps.LATEST),
  ])
  return { start, end }
}

async function readOffset(broker: Broker, name: string, timestamp: bigint): Promise<number> {
  const partitions = [{ partitionIndex: 0, currentLeaderEpoch: ANY_EPOCH, timestamp }]
  try {
    const { topics } = await broker.call(
      listOffsetsV7.api,
      CLIENT_REPLICA,
      FetchIsolationLevels.READ_UNCOMMITTED,
      [{ name, partitions }],
    )
    const offset = topics[0]?.partitions[0]?.offset
    if (offset === undefined)
      throw new LogError('unreachable', `Kafka did not say how long the topic "${name}" is.`)
    return Number(offset)
  } catch (error) {
    throw toLogError(error, `list the offsets of the topic "${name}"`, 'read')
  }
}
