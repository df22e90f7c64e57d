import { DiscardPolicy, StorageType, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

import type { NatsAddress } from './nats-url.ts'

/** The first release that can write to the disk before it acknowledges. */
const FIRST_WITH_SYNC = [2, 10] as const

/** One sentence for each setting that could lose acknowledged events. */
export function hazardsOf(
  { info }: NatsConnection,
  { config }: StreamInfo,
  { isSynced, replicas: wanted = 1 }: NatsAddress,
): string[] {
  const { name, num_replicas: replicas } = config
  const edit = (flags: string): string => `nats stream edit ${name} ${flags}`
  const sentences: string[] = []
  if (config.storage === StorageType.Memory) {
    sentences.push(
      `The stream "${name}" is in memory: a restart of NATS loses all events. Delete it, and let the hub create it on disk.`,
    )
  }
  if (config.discard === DiscardPolicy.Old && (config.max_msgs > 0 || config.max_bytes > 0)) {
    sentences.push(
      `The stream "${name}" drops its oldest records when it is full, not those that no reader needs: run "${edit('--discard new')}".`,
    )
  }
  if (config.max_age > 0) {
    sentences.push(
      `The stream "${name}" drops records by their age, not those that no reader needs: run "${edit('--max-age 0')}", and use the retention of the hub.`,
    )
  }
  if (replicas < wanted || (info?.cluster !== undefined && replicas === 1)) {
    const copies = Math.max(wanted, 3)
    sentences.push(
      `The stream "${name}" has ${replicas === 1 ? 'one replica' : `${replicas} replicas`}: the loss of a server's disk loses events. Run "${edit(`--replicas ${copies}`)}".`,
    )
  }
  const sync = syncHazard(info?.version ?? '', isSynced)
  return sync === undefined ? sentences : [...sentences, sync]
}

/** Clients cannot see how often a server writes to its disk, so the operator has to state it. */
function syncHazard(version: string, isSynced: boolean): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const canSync = major > FIRST_WITH_SYNC[0] || (major === FIRST_WITH_SYNC[0] && minor >= FIRST_WITH_SYNC[1])
  if (!canSync) {
    return `NATS ${version} acknowledges events up to two minutes before it writes them to the disk: a power cut loses them. Upgrade to 2.10 or later, set "sync_interval: always", and add ?sync=always to the URL.`
  }
  if (isSynced) return undefined
  return 'NATS acknowledges events up to two minutes before it writes them to the disk, unless it is configured otherwise: a power cut loses them. Set "sync_interval: always" in the jetstream block of every server, and add ?sync=always to the URL.'
}
