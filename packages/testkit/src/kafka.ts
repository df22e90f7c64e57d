import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

import { freePort, startService, type Service } from './service.ts'
import { tempDir } from './temp.ts'

/** scripts/provision-kafka.sh downloads this version. */
const JARS = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tailrace', 'kafka-4.1.1')
const STARTED = 'Kafka Server started'
/** From the first connection that it accepts until a broker may create topics. */
const START_TIMEOUT_MS = 20_000
const POLL_MS = 10

/** A small heap, and a fast start rather than a fast broker. */
const JVM = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-cp',
  join(JARS, '*'),
]
const LOG = [
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
]

/** A port on which a broker accepts clients. */
export interface KafkaListener {
  readonly port: number
  /** The port that the broker names to its clients as its own: that of a proxy, for example. */
  readonly advertisedPort?: number
  /** @defaultValue `PLAINTEXT` */
  readonly protocol?: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
}

export interface KafkaOptions {
  /** A second listener, named `SECOND`. */
  readonly second?: KafkaListener
  /** Settings besides those that a broker needs, or in their place. */
  readonly properties?: Readonly<Record<string, string>>
}

/** A Kafka cluster of one broker, which is its own controller. Its data is deleted when it is disposed. */
export interface Kafka extends AsyncDisposable {
  /** For clients without TLS and credentials. */
  readonly port: number
  /** The folder of its topics: that of the records of `t` is `t-0`. */
  readonly data: string
  /** The last 64 KiB of its output. */
  output(): string
  /** Sends SIGTERM by default, upon which a broker writes what it holds. Resolves once it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>
  /** Starts it again, with its data. */
  start(): Promise<void>
}

/** Whether the broker has been downloaded. */
export function hasKafka(): boolean {
  return existsSync(JARS)
}

/** For tests that kill brokers: one that was killed may return once its session is over, after 9 s by default. */
export const SHORT_SESSION: Readonly<Record<string, string>> = {
  'broker.session.timeout.ms': '2000',
  'broker.heartbeat.interval.ms': '500',
}

/** A command line that runs one of Kafka's programs. */
export function kafkaCommand(program: string, ...args: readonly string[]): [string, ...string[]] {
  return ['java', ...JVM, ...LOG, program, ...args]
}

/** Resolves once it can create topics, after about 3 s. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const [kafka] = await startKafkaCluster(1, options)
  return kafka!
}

/** Brokers that hold copies of each other's topics, and all of which are controllers. Each is disposed by itself. */
export async function startKafkaCluster(
  count: number,
  options: KafkaOptions = {},
): Promise<readonly Kafka[]> {
  const ports = await Promise.all(Array.from({ length: 2 * count }, freePort))
  const cluster = { id: clusterId(), controllers: ports.slice(count) }
  const brokers = ports.slice(0, count).map((port, index) => createBroker(cluster, index, port, options))
  await Promise.all(brokers.map((broker) => broker.start()))
  return brokers
}

interface ClusterPlan {
  readonly id: string
  /** The port of the controller of each broker. */
  readonly controllers: readonly number[]
}

function createBroker(cluster: ClusterPlan, index: number, port: number, options: KafkaOptions): Kafka {
  const dir = tempDir()
  const file = join(dir.path, 'server.properties')
  const data = join(dir.path, 'data')
  writeFileSync(file, propertiesOf(data, index, port, cluster.controllers, options))
  let service: Service | undefined
  return {
    port,
    data,
    async start() {
      if (!existsSync(data)) await format(cluster, file)
      const [command, ...args] = kafkaCommand('kafka.Kafka', file)
      service = await startService({ command, args, port })
      const deadline = AbortSignal.timeout(START_TIMEOUT_MS)
      while (!service.output().includes(STARTED)) {
        if (deadline.aborted) throw new Error(`Kafka does not start; its output:\n${service.output()}`)
        await delay(POLL_MS)
      }
    },
    output: () => service?.output() ?? '',
    stop: async (signal) => service?.stop(signal),
    async [Symbol.asyncDispose]() {
      await service?.[Symbol.asyncDispose]()
      dir[Symbol.dispose]()
    },
  }
}

async function format({ id }: ClusterPlan, file: string): Promise<void> {
  const words = ['format', '--ignore-formatted', `--cluster-id=${id}`, '--config', file]
  const [java, ...args] = kafkaCommand('kafka.tools.StorageTool', ...words)
  await promisify(execFile)(java, args)
}

function propertiesOf(
  data: string,
  index: number,
  port: number,
  controllers: readonly number[],
  options: KafkaOptions,
): string {
  const listeners = [`FIRST://127.0.0.1:${port}`]
  const advertised = [...listeners]
  const protocols = ['FIRST:PLAINTEXT', 'CONTROLLER:PLAINTEXT']
  if (options.second !== undefined) {
    const { port: secondPort, advertisedPort = secondPort, protocol = 'PLAINTEXT' } = options.second
    listeners.push(`SECOND://127.0.0.1:${secondPort}`)
    advertised.push(`SECOND://127.0.0.1:${advertisedPort}`)
    protocols.push(`SECOND:${protocol}`)
  }
  const properties: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(index),
    'controller.quorum.voters': controllers.map((one, id) => `${id}@127.0.0.1:${one}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'FIRST',
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${controllers[index]}`].join(','),
    'advertised.listeners': advertised.join(','),
    'listener.security.protocol.map': protocols.join(','),
    'log.dirs': data,
    'auto.create.topics.enable': 'false',
    'num.network.threads': '2',
    'num.io.threads': '2',
    ...options.properties,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** 16 random bytes, as Kafka writes them. */
function clusterId(): string {
  return Buffer.from(crypto.randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
}
