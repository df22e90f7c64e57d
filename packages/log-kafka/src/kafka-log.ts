import { join } from 'node:path'

import type { CompleteEventLog } from '@tailrace/log'
import { Durability, type DurabilityOptions } from '@tailrace/log/adapter'
import { openSequencedLog } from '@tailrace/log-sequencer'

import { connectKafka } from './connect.ts'
import { parseKafkaUrl } from './kafka-url.ts'

const DEFAULT_INDEX = 'tailrace-index'

export interface KafkaLogOptions extends DurabilityOptions {
  /**
   * `kafka://[user:password@]host:9092[,…][/topic][?index=DIR&replicas=3&sasl=PLAIN]`, or `kafka+tls://` for TLS.
   *
   * - `topic`: its one partition is the log. It is created if it is missing. Default `tailrace`.
   * - `index`: the folder of this node's index, on a local disk. Default `tailrace-index`.
   * - `replicas`: the copies of each record, if the topic is created. Default: that of the cluster.
   * - `sasl`: how the user is proved: `SCRAM-SHA-512` (the default), `SCRAM-SHA-256` or `PLAIN`.
   */
  readonly url: string
  /** Used in place of the one in the URL. */
  readonly password?: string | undefined
  /** Certificates to trust, in PEM, in place of those that Node trusts. */
  readonly ca?: string | undefined
  /** The wall clock, in milliseconds. @defaultValue the clock of the broker */
  readonly now?: (() => number) | undefined
}

/**
 * A log in a Kafka topic with one partition, and an index of it on this node. Resolves also if Kafka cannot be reached now.
 *
 * @throws RangeError for a URL that is not understood
 * @throws LogError `unauthorized`, `incompatible`, `foreign`, `not-durable` about the topic; those of
 * {@link openSequencedLog} about the index
 */
export async function openKafkaLog(options: KafkaLogOptions): Promise<CompleteEventLog> {
  const { url, password, ca, warn, now } = options
  const address = parseKafkaUrl(url, password)
  return openSequencedLog({
    connect: connectKafka({ address, ca, durability: new Durability(options) }),
    index: join(address.index ?? DEFAULT_INDEX, `${address.topic}.db`),
    warn,
    now,
  })
}
