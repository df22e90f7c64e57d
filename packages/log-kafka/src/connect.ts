import type { HostAndPort } from '@tailrace/log/adapter'
import { setTimeout as delay } from 'node:timers/promises'

import { LogError } from '@tailrace/log'
import type { Durability } from '@tailrace/log/adapter'
import type { ConnectSequencer } from '@tailrace/log-sequencer'

import { Broker } from './broker.ts'
import { toLogError } from './errors.ts'
import type { KafkaAddress } from './kafka-url.ts'
import { KafkaSequencer } from './kafka-sequencer.ts'
import { readOffsets } from './offsets.ts'
import { hazardsOf, readSettings, type TopicSettings } from './settings.ts'
import { createTopic, findTopic, type Topic } from './topic.ts'

/** For all of it: to find a broker, to create the topic, and to connect to its leader. */
const CONNECT_LIMIT_MS = 5_000
/** Less, because another broker may lead by then. */
const LEADER_TIMEOUT_MS = 1_000
const POLL_MS = 20

export interface ConnectOptions {
  readonly address: KafkaAddress
  /** Certificates to trust, in PEM, instead of those of the system. */
  readonly ca: string | undefined
  readonly durability: Durability
}

/** One node's way to its topic. */
export function connectKafka({ address, ca, durability }: ConnectOptions): ConnectSequencer {
  const access = { credentials: address.credentials, usesTls: address.usesTls, ca }
  let wasFound = false

  async function locate(broker: Broker, signal: AbortSignal): Promise<[Topic, TopicSettings]> {
    let topic = await findTopic(broker, address.topic)
    if (topic === undefined && wasFound) {
      const message = `The Kafka topic "${address.topic}" was deleted.`
      throw new LogError('replaced', message, { details: { topic: address.topic } })
    }
    topic ??= await createTopic(broker, address.topic, address.replicas, signal)
    return [topic, await readSettings(broker, topic)]
  }

  return async (signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT_MS)])
    const opened: Broker[] = []
    const closeAll = (): void => {
      for (const broker of opened) void broker.close()
    }
    limit.addEventListener('abort', closeAll)
    async function connectTo(server: HostAndPort): Promise<Broker> {
      const broker = await Broker.connect(server, access, limit)
      opened.push(broker)
      return broker
    }
    try {
      const any = await firstOf(address.servers, connectTo)
      const [topic, settings] = await locate(any, limit)
      durability.assert(hazardsOf(topic, settings))
      await any.close()
      const [commands, fetching] = [await connectTo(topic.leader), await connectTo(topic.leader)]
      await awaitLeader(commands, topic)
      limit.throwIfAborted()
      wasFound = true
      const maxBatchBytes = Number(settings['max.message.bytes'])
      return new KafkaSequencer({ topic, commands, fetching, maxBatchBytes })
    } catch (error) {
      closeAll()
      if (limit.aborted) throw new LogError('unreachable', silenceOf(address), { cause: error })
      throw withHint(toLogError(error, 'be reached', 'read'), address)
    } finally {
      limit.removeEventListener('abort', closeAll)
    }
  }
}

/** A broker is known to lead a new topic a moment before it does. */
async function awaitLeader(leader: Broker, { name }: Topic): Promise<void> {
  const deadline = performance.now() + LEADER_TIMEOUT_MS
  for (;;) {
    try {
      await readOffsets(leader, name)
      return
    } catch (error) {
      const isPassing = LogError.is(error) && error.code === 'unreachable'
      if (!isPassing || performance.now() > deadline) throw error
      await delay(POLL_MS)
    }
  }
}

/** The first server that answers. They are asked in another order each time, so that no node depends on one of them. */
async function firstOf(
  servers: readonly HostAndPort[],
  connectTo: (server: HostAndPort) => Promise<Broker>,
): Promise<Broker> {
  const start = Math.floor(Math.random() * servers.length)
  const inTurn = [...servers.slice(start), ...servers.slice(0, start)]
  let failure: unknown
  for (const server of inTurn) {
    try {
      return await connectTo(server)
    } catch (error) {
      failure = error
      if (LogError.is(error) && error.code !== 'unreachable') throw error
    }
  }
  throw failure
}

function silenceOf({ servers }: KafkaAddress): string {
  const hosts = servers.map(({ host, port }) => `${host}:${port}`).join(', ')
  return `Kafka cannot be reached within ${CONNECT_LIMIT_MS / 1_000} s through ${hosts}.`
}

/** A broker closes a connection without a word if the client speaks before it has proved who it is, or without TLS. */
function withHint(error: LogError, { usesTls, credentials }: KafkaAddress): LogError {
  const missing = [
    ...(usesTls ? [] : ['TLS (kafka+tls://)']),
    ...(credentials === undefined ? ['a user (kafka://user:password@host)'] : []),
  ]
  if (missing.length === 0 || !error.message.endsWith('Connection closed.')) return error
  const { code, message, details, cause } = error
  return new LogError(code, `${message} Its port may require ${missing.join(' or ')}.`, { details, cause })
}
