import { join } from 'node:path'
import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { openKafkaLog } from '@tailrace/log-kafka'
import { openNatsLog } from '@tailrace/log-nats'
import { needs, startKafka, startNats, tempDir, type Kafka, type NatsServer } from '@tailrace/testkit'
import { afterAll, beforeAll } from 'vitest'

/** A log of a test's own, and what it leaves behind. */
export interface OpenLog extends AsyncDisposable {
  readonly log: CompleteEventLog
}

let nats: Promise<NatsServer> | undefined
let streams = 0
afterAll(async () => (await nats)?.[Symbol.asyncDispose]())

async function openOnNats(): Promise<OpenLog> {
  nats ??= startNats({ config: 'max_payload: 8MB' })
  const { url } = await nats
  const dir = tempDir()
  const log = await openNatsLog({ url: `${url}/s${(streams += 1)}?index=${join(dir.path, 'index')}` })
  return {
    log,
    async [Symbol.asyncDispose]() {
      await log.close()
      dir[Symbol.dispose]()
    },
  }
}

/** A broker takes seconds to start, in each test file. */
const hasKafka = process.env['TAILRACE_LONG'] === '1' && needs('kafka')
let kafka: Kafka | undefined
let topics = 0
beforeAll(async () => {
  if (hasKafka) kafka = await startKafka()
}, 60_000)
afterAll(() => kafka?.[Symbol.asyncDispose]())

async function openOnKafka(): Promise<OpenLog> {
  const dir = tempDir()
  const url = `kafka://127.0.0.1:${kafka!.port}/t${(topics += 1)}?index=${dir.path}`
  const log = await openKafkaLog({ url })
  return {
    log,
    async [Symbol.asyncDispose]() {
      await log.close()
      dir[Symbol.dispose]()
    },
  }
}

type NamedLog = [name: string, open: () => Promise<OpenLog>]

const ON_NATS: readonly NamedLog[] = [['NATS', openOnNats]]
const ON_KAFKA: readonly NamedLog[] = [['Kafka', openOnKafka]]

/** The logs that every behaviour must be the same on. */
export const LOGS: readonly NamedLog[] = [
  [
    'memory',
    async () => {
      const log = createMemoryLog()
      return { log, [Symbol.asyncDispose]: () => log.close() }
    },
  ],
  [
    'SQLite',
    async () => {
      const dir = tempDir()
      const log = await openSqliteLog({ path: join(dir.path, 'tailrace.db') })
      return {
        log,
        async [Symbol.asyncDispose]() {
          await log.close()
          dir[Symbol.dispose]()
        },
      }
    },
  ],
  ...(needs('nats') ? ON_NATS : []),
  ...(hasKafka ? ON_KAFKA : []),
]
