import { join } from 'node:path'

import type { CompleteEventLog } from '@tailrace/log'
import { Durability, type DurabilityOptions } from '@tailrace/log/adapter'
import { openSequencedLog } from '@tailrace/log-sequencer'

import { NatsSequencer } from './nats-sequencer.ts'
import { parseNatsUrl } from './nats-url.ts'

const DEFAULT_INDEX = 'tailrace-index'

export interface NatsLogOptions extends DurabilityOptions {
  /**
   * `nats://[user:password@]host[:port][,…][/stream][?index=DIR&replicas=3&sync=always]`, or `nats+tls://…`. A user
   * without a password is a token. All servers belong to one cluster. The README of this package explains the query.
   */
  readonly url: string
  /** Takes precedence over the password in the URL. Without a user, it is a token. */
  readonly password?: string | undefined
  /** The wall clock, in milliseconds. @defaultValue the clock of NATS */
  readonly now?: (() => number) | undefined
}

/**
 * A log in a stream of NATS JetStream, shared by all nodes that open it. The stream puts the events in order; each
 * node derives everything else from it, in an index on its own disk.
 *
 * Resolves also if no server can be reached now.
 *
 * @throws RangeError if the URL is not understood
 * @throws LogError `unauthorized`, `incompatible`, `foreign` or `not-durable` about NATS, or those of `openSequencedLog`
 * about the index
 */
export async function openNatsLog(options: NatsLogOptions): Promise<CompleteEventLog> {
  const { url, password, warn, now } = options
  const address = parseNatsUrl(url, password)
  const durability = new Durability(options)
  let mayCreate = true
  return openSequencedLog({
    async connect(signal) {
      const sequencer = await NatsSequencer.connect({ address, durability, mayCreate }, signal)
      mayCreate = false
      return sequencer
    },
    index: join(address.index ?? DEFAULT_INDEX, `${address.stream}.db`),
    warn,
    now,
  })
}
