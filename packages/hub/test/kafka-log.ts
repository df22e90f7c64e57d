import { openKafkaLog } from '@tailrace/log-kafka'
import { needs, startKafka, tempDir, type Kafka } from '@tailrace/testkit'
import { afterAll, beforeAll } from 'vitest'

import type { NamedLog, OpenLog } from './open-log.ts'
import { waitForEcho } from './wait-for-echo.ts'

/** A broker takes seconds to start, in each test file. */
const hasKafka = process.env['TAILRACE_LONG'] === '1' && needs('kafka')
let kafka: Kafka | undefined
let logs = 0

beforeAll(async () => {
  if (hasKafka) kafka = await startKafka()
}, 60_000)
afterAll(() => kafka?.[Symbol.asyncDispose]())

async function openOnKafka(): Promise<OpenLog> {
  logs += 1
  const dir = tempDir()
  const log = await openKafkaLog({ url: `kafka://127.0.0.1:${kafka!.port}/t${logs}?index=${dir.path}` })
  return {
    log: await waitForEcho(log),
    async [Symbol.asyncDispose]() {
      await log.close()
      dir[Symbol.dispose]()
    },
  }
}

/** A log in a topic of its own, on the one broker of a test file. Only with `TAILRACE_LONG=1`. */
export const KAFKA: readonly NamedLog[] = hasKafka ? [['Kafka', openOnKafka]] : []
