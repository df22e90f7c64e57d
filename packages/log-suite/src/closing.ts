import type { Capability, CompleteEventLog } from '@tailrace/log'
import { expect } from 'vitest'

import { NO_LISTENER } from './listener.ts'
import { dataOf, publish, query, readAll } from './reading.ts'
import { expectRejection } from './rejection.ts'
import { START_TIME, type Check } from './subject.ts'

type Call = (log: CompleteEventLog) => Promise<unknown>

const CALLS: Readonly<Record<string, Call>> = {
  append: (log) => log.append([{ topic: 'a', data: '' }]),
  read: (log) => log.read(query(['a'])),
  tail: (log) => log.tail(NO_LISTENER),
  describe: (log) => log.describe(),
  ready: (log) => log.ready(),
}

const CAPABILITY_CALLS: Readonly<Record<Capability, Readonly<Record<string, Call>>>> = {
  snapshots: { read: (log) => log.snapshots.read(query(['a'])) },
  topics: {
    list: (log) => log.topics.list({ prefix: '', after: '', limit: 1 }),
    ended: (log) => log.topics.ended(['a']),
  },
  retention: {
    trim: (log) => log.retention.trim([], START_TIME),
    purge: (log) => log.retention.purge('a'),
  },
  shared: {
    secret: (log) => log.shared.secret(),
    note: (log) => log.shared.note({ key: 'a', until: START_TIME + 1 }),
    notes: (log) => log.shared.notes({ prefix: '', after: '', limit: 1 }),
  },
}

async function expectClosed(log: CompleteEventLog, call: Call): Promise<void> {
  await publish(log, 'a', '')
  const closing = log.close()
  await expectRejection(call(log), 'closed')
  await closing
  await expectRejection(call(log), 'closed')
}

export function testClosing(check: Check): void {
  for (const [method, call] of Object.entries(CALLS)) {
    check(`rejects ${method} after close`, ({ log }) => expectClosed(log, call))
  }
  for (const [capability, calls] of Object.entries(CAPABILITY_CALLS)) {
    for (const [method, call] of Object.entries(calls)) {
      check.with(capability as Capability, `rejects ${capability}.${method} after close`, ({ log }) =>
        expectClosed(log, call),
      )
    }
  }

  check('closes twice', async ({ log }) => {
    await Promise.all([log.close(), log.close()])
    await expect(log.close()).resolves.toBeUndefined()
  })

  check.with('reopen', 'completes accepted appends', async ({ log, reopen }) => {
    const accepted = Array.from({ length: 50 }, (_, i) => publish(log, 'a', `${i}`))
    await log.close()
    const offsets = await Promise.all(accepted)
    const events = await readAll(await reopen(), ['a'])
    expect(events.map(({ offset }) => offset)).toEqual(offsets.toSorted((a, b) => a - b))
    expect(new Set(dataOf(events)).size).toBe(50)
  })

  check.with('retention', 'completes an accepted purge', async ({ log }) => {
    await publish(log, 'a', '1')
    const purged = log.retention.purge('a')
    await log.close()
    expect(await purged).toBe(true)
  })

  check('completes calls that were made before close', async ({ log }) => {
    await publish(log, 'a', '1')
    const page = log.read(query(['a']))
    const appended = log.append([{ topic: 'a', data: '2' }])
    await log.close()
    expect((await page).events[0]).toMatchObject({ data: '1' })
    expect(await appended).toHaveLength(1)
  })
}
