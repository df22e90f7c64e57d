import { join } from 'node:path'
import { openNatsLog } from '@tailrace/log-nats'
import { needs, startNats, tempDir, type NatsServer } from '@tailrace/testkit'
import { afterAll } from 'vitest'

import type { NamedLog, OpenLog } from './open-log.ts'
import { waitForEcho } from './wait-for-echo.ts'

let starting: Promise<NatsServer> | undefined
let logs = 0

afterAll(async () => (await starting)?.[Symbol.asyncDispose]())

async function openOnNats(): Promise<OpenLog> {
  starting ??= startNats({ config: 'max_payload: 8MB' })
  logs += 1
  const { url } = await starting
  const dir = tempDir()
  const log = await openNatsLog({ url: `${url}/s${logs}?index=${join(dir.path, 'index')}` })
  return {
    log: await waitForEcho(log),
    async [Symbol.asyncDispose]() {
      await log.close()
      dir[Symbol.dispose]()
    },
  }
}

/** A log in a stream of its own, on the one server of a test file. Absent where there is no NATS. */
export const NATS: readonly NamedLog[] = needs('nats') ? [['NATS', openOnNats]] : []
