import { join } from 'node:path'

import { LogError, openSqliteLog } from '@tailrace/log'
import { tempDir } from '@tailrace/testkit'
import { rejection } from '@tailrace/log-suite'
import { afterEach, expect, test } from 'vitest'
import { Thread } from '../src/sqlite/thread.ts'

const { call } = Thread.prototype
afterEach(() => {
  Thread.prototype.call = call
})

/** Has the thread that is next asked for something die when it has done it, and before it says so. */
function dieAfter(method: string): void {
  Thread.prototype.call = async function dying(this: Thread<object>, ...[name, ...args]: never[]) {
    const answer = await (call as (...all: unknown[]) => Promise<never>).call(this, name, ...args)
    if (name !== method) return answer
    Thread.prototype.call = call
    await this.stop()
    throw new LogError('outcome-unknown', 'The writer has died.')
  }
}

test('a purge whose writer dies before it answers is told by its successor', async () => {
  using dir = tempDir()
  const log = await openSqliteLog({ path: join(dir.path, 'log.db') })
  const purges: unknown[] = []
  const told = new Promise<void>((resolve) => {
    void log.tail({
      events: () => {},
      lost() {},
      interrupted: () => {},
      resumed: () => {},
      failed: () => {},
      purged(topic, through) {
        purges.push([topic, through])
        resolve()
      },
    })
  })
  for (const topic of ['a', 'b', 'a']) await log.append([{ topic, data: '' }])
  dieAfter('purge')
  expect(await rejection(log.retention.purge('a'))).toMatchObject({ code: 'outcome-unknown' })
  await told
  expect(purges).toEqual([['a', 3]])
  const { events } = await log.read({ selectors: ['**'], after: 0, limit: 10, maxBytes: 1000 })
  expect(events.map(({ topic }) => topic)).toEqual(['b'])
  await log.close()
})
