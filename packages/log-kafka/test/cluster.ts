import {
  deleteTopicsV6,
  incrementalAlterConfigsV1,
  ConfigResourceTypes,
  IncrementalAlterConfigOperationTypes,
} from '@platformatic/kafka'
import { Durability, type DurabilityOptions } from '@tailrace/log/adapter'
import type { ConnectSequencer } from '@tailrace/log-sequencer'
import { freePort, startFlakyProxy, startKafka, type FlakyProxy, type Kafka } from '@tailrace/testkit'

import { Broker } from '../src/broker.ts'
import { connectKafka } from '../src/connect.ts'
import { parseKafkaUrl } from '../src/kafka-url.ts'

const NEVER = new AbortController().signal
const TIMEOUT_MS = 4_000

/** A broker, and a network to it that can be cut. */
export interface Cluster extends AsyncDisposable {
  readonly kafka: Kafka
  readonly proxy: FlakyProxy
  /** A topic that no other test uses. */
  newTopic(): string
  /** Of a topic; `far` through the proxy. */
  url(topic: string, far?: 'far'): string
  connect(topic: string, far?: 'far', options?: DurabilityOptions): ConnectSequencer
  remove(topic: string): Promise<void>
  configure(topic: string, settings: Readonly<Record<string, string>>): Promise<void>
}

export async function startCluster(properties: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const port = await freePort()
  const proxy = await startFlakyProxy({ host: '127.0.0.1', port })
  const kafka = await startKafka({ second: { port, advertisedPort: proxy.port }, properties })
  let topics = 0

  const url = (topic: string, far?: 'far'): string =>
    `kafka://127.0.0.1:${far === undefined ? kafka.port : proxy.port}/${topic}`

  return {
    kafka,
    proxy,
    url,
    newTopic: () => `t${(topics += 1)}`,
    connect: (topic, far, options = {}) =>
      connectKafka({
        address: parseKafkaUrl(url(topic, far)),
        ca: undefined,
        durability: new Durability(options),
      }),
    remove: (topic) =>
      ask(kafka, (broker) => broker.call(deleteTopicsV6.api, [{ name: topic }], TIMEOUT_MS)).catch(() => {}),
    configure: (topic, settings) =>
      ask(kafka, (broker) =>
        broker.call(
          incrementalAlterConfigsV1.api,
          [
            {
              resourceType: ConfigResourceTypes.TOPIC,
              resourceName: topic,
              configs: Object.entries(settings).map(([name, value]) => ({
                name,
                configOperation: IncrementalAlterConfigOperationTypes.SET,
                value,
              })),
            },
          ],
          false,
        ),
      ),
    async [Symbol.asyncDispose]() {
      await proxy.close()
      await kafka[Symbol.asyncDispose]()
    },
  }
}

/** One request to the broker, over a connection of its own. */
export async function ask(kafka: Kafka, request: (broker: Broker) => Promise<unknown>): Promise<void> {
  const access = { credentials: undefined, usesTls: false, ca: undefined }
  const broker = await Broker.connect({ host: '127.0.0.1', port: kafka.port }, access, NEVER)
  try {
    await request(broker)
  } finally {
    await broker.close()
  }
}
