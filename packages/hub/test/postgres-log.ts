import { openPostgresLog } from '@tailrace/log-postgres'
import { needs, startPostgres, type Postgres } from '@tailrace/testkit'
import { afterAll } from 'vitest'

import type { NamedLog } from './open-log.ts'
import { waitForEcho } from './wait-for-echo.ts'

let starting: Promise<Postgres> | undefined
let logs = 0

afterAll(async () => {
  await (await starting)?.[Symbol.asyncDispose]()
}, 60_000)

/** A log in a schema of its own, on the one server of a test file. Absent where there is no PostgreSQL. */
export const POSTGRES: readonly NamedLog[] = needs('postgres')
  ? [
      [
        'PostgreSQL',
        async () => {
          starting ??= startPostgres({ fsync: false })
          logs += 1
          const log = await openPostgresLog({ url: `${(await starting).url}?schema=log_${logs}` })
          return { log: await waitForEcho(log), [Symbol.asyncDispose]: () => log.close() }
        },
      ],
    ]
  : []
