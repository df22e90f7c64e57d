import { join } from 'node:path'
import { createMemoryLog, openSqliteLog } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { openNatsLog } from '@tailrace/log-nats'
import { needs, startNats, tempDir, type NatsServer } from '@tailrace/testkit'
import { afterAll } from 'vitest'

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

type NamedLog = [name: string, open: () => Promise<OpenLog>]

const ON_NATS: readonly NamedLog[] = [['NATS', openOnNats]]

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
]
