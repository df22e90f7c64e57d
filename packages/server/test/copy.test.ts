import { join } from 'node:path'
import { createMemoryLog, LogError, openLog } from '@tailrace/log'
import type { CompleteEventLog, EventLog, NewEvent, StoredEvent } from '@tailrace/log'
import { runCli, spawnCli, tempDir } from '@tailrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { createRevocations } from '../src/auth/revocations.ts'
import { copyLog } from '../src/copy/copy-log.ts'
import type { Progress } from '../src/copy/copy-log.ts'
import { eventsAfter } from '../src/copy/events-after.ts'
import { ENGINES, PASSWORD } from './support/engine.ts'
import type { Engine } from './support/engine.ts'

async function allOf(log: EventLog): Promise<StoredEvent[]> {
  const found: StoredEvent[] = []
  for (let after = 0; ;) {
    const { events, next } = await eventsAfter(log, after)
    if (events.length === 0) return found
    found.push(...events)
    after = next
  }
}

/** What a copy has in common with its source. */
async function contentOf(log: EventLog): Promise<unknown[]> {
  return (await allOf(log)).map((event) => ({ ...event, offset: 0, time: 0 }))
}

const texts = (...data: readonly string[]): NewEvent[] => data.map((one) => ({ topic: 't', data: one }))

describe('a copy', () => {
  let source: CompleteEventLog
  let destination: CompleteEventLog
  let reports: Progress[]

  beforeEach(() => {
    source = createMemoryLog()
    destination = createMemoryLog()
    reports = []
  })

  const copy = (to: EventLog = destination, from: EventLog = source): Promise<number> =>
    copyLog({ source: from, destination: to, report: (progress) => reports.push(progress) })

  async function expectSame(): Promise<void> {
    expect(await contentOf(destination)).toEqual(await contentOf(source))
  }

  /** A log that dies in one of its appends, before or after the batch is stored. */
  function dying(append: number, when: 'before' | 'after'): EventLog {
    let appends = 0
    return {
      ...destination,
      async append(batch) {
        appends += 1
        const isLast = appends === append
        if (isLast && when === 'before') throw new LogError('unreachable', 'The engine is gone.')
        const stored = await destination.append(batch)
        if (isLast) throw new LogError('outcome-unknown', 'The engine is gone.')
        return stored
      },
    }
  }

  test('has every event in order, with all that belongs to it, and the topics that have ended', async () => {
    const trace = {
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'a=b',
    }
    await source.append([
      { topic: 'a', data: 'plain' },
      { topic: 'b', data: '', type: 'paid', trace },
      { topic: 'c', data: '1', key: 'k' },
      { topic: 'c', data: '2', key: 'k' },
      { topic: 'c', data: '3', key: 'gone' },
      { topic: 'c', data: '', key: 'gone', remove: true },
      { topic: 'a', data: 'the end', end: true },
      { topic: 'b', data: 'ü\u2028\n', trace: { traceparent: trace.traceparent } },
    ])
    expect(await copy()).toBe(8)
    await expectSame()
    expect(await destination.topics.ended(['a', 'b'])).toEqual([7, undefined])
    const query = { selectors: ['c'], after: 0, limit: 10, maxBytes: 1_000 }
    expect((await destination.snapshots.read(query)).events.map(({ data }) => data)).toEqual(['2'])
    expect(reports).toEqual([{ events: 8, share: 1 }])
  })

  test('has the newest event of each key where retention removed the others', async () => {
    await source.append(Array.from({ length: 20 }, (_, i) => ({ topic: 't', data: `${i}`, key: `${i % 2}` })))
    await source.append(texts('a', 'b', 'c'))
    await source.retention.trim([{ selector: '**', maxCount: 1 }], Date.now())
    expect(await copy()).toBe(3)
    await expectSame()
    expect((await contentOf(destination)).map((event) => (event as NewEvent).data)).toEqual(['18', '19', 'c'])
  })

  test('goes on with what the source has received since', async () => {
    await source.append(texts('a', 'b'))
    await copy()
    await source.append(texts('c'))
    expect(await copy()).toBe(1)
    expect(await copy()).toBe(0)
    await expectSame()
  })

  test.each([
    [1, 'before'],
    [1, 'after'],
    [3, 'before'],
    [3, 'after'],
  ] as const)(
    'is continued without repetition when append %i failed %s it was stored',
    async (append, when) => {
      for (let i = 0; i < 5; i += 1)
        await source.append(texts(...Array.from({ length: 900 }, (_, j) => `${i} ${j}`)))
      await expect(copy(dying(append, when))).rejects.toMatchObject({ name: 'LogError' })
      expect(await copy()).toBe(when === 'before' ? 4_500 - (append - 1) * 1_000 : 4_500 - append * 1_000)
      await expectSame()
    },
  )

  test('is continued although the source has removed what was copied', async () => {
    for (let i = 0; i < 3; i += 1)
      await source.append(texts(...Array.from({ length: 1_000 }, (_, j) => `${i} ${j}`)))
    await expect(copy(dying(3, 'before'))).rejects.toMatchObject({ code: 'unreachable' })
    while (!(await source.retention.trim([{ selector: '**', maxCount: 500 }], Date.now())).done);
    expect(await copy()).toBe(500)
    expect(await allOf(destination)).toHaveLength(2_500)
  })

  test('stores smaller batches where the destination accepts no larger ones', async () => {
    const limited: EventLog = {
      ...destination,
      async append(batch) {
        if (batch.length > 30) throw new LogError('too-large', 'Too large.', { details: { limit: 30 } })
        return destination.append(batch)
      },
    }
    await source.append(texts(...Array.from({ length: 1_000 }, (_, j) => `${j}`)))
    expect(await copy(limited)).toBe(1_000)
    await expectSame()
  })

  test('stops at an event that the destination does not accept, and skips nothing', async () => {
    const limited: EventLog = {
      ...destination,
      async append(batch) {
        if (batch.some(({ data }) => data.length > 100)) throw new LogError('too-large', 'Too large.')
        return destination.append(batch)
      },
    }
    await source.append(texts('a', 'b', 'x'.repeat(101), 'c'))
    await expect(copy(limited)).rejects.toMatchObject({ code: 'too-large' })
    expect((await allOf(destination)).map(({ data }) => data)).toEqual(['a', 'b'])
  })

  test('has the revocations', async () => {
    const revocations = createRevocations(source)
    await revocations.revoke({ subject: 'bob' })
    await copy()
    const copied = createRevocations(destination)
    await copied.refresh()
    const bob = { subject: 'bob', credential: undefined, issuedAt: 1 }
    expect([copied.isRevoked(bob), copied.isRevoked({ ...bob, subject: 'ann' })]).toEqual([true, false])
  })

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['to itself', () => copy(source), /are the same log$/],
    [
      'to a log with events',
      async () => {
        await destination.append(texts('other'))
        await copy()
      },
      /already contains events/,
    ],
    [
      'to a copy that something else has written to',
      async () => {
        await copy()
        await destination.append(texts('other'))
        await copy()
      },
      /something else has written/,
    ],
    [
      'to a copy of another log',
      async () => {
        await copy()
        const other = createMemoryLog()
        await other.append(texts('a', 'b'))
        await copy(destination, other)
      },
      /is a copy of another log/,
    ],
  ])('is refused %s, which stays as it is', async (_, run, message) => {
    await source.append(texts('a', 'b'))
    await expect(run()).rejects.toThrow(message)
    for (const log of [source, destination]) {
      const stored = (await allOf(log)).map(({ data }) => data)
      expect(['', 'a b', 'other', 'a b other']).toContain(stored.join(' '))
    }
  })
})

describe('tailrace log copy', () => {
  const targets = [['SQLite', true, startFiles], ...ENGINES] as readonly [
    name: string,
    isThere: boolean,
    start: () => Promise<Pick<Engine, 'url' | typeof Symbol.asyncDispose>>,
  ][]

  test.each(targets.filter(([, isThere]) => isThere))(
    'to %s that is killed in the middle is continued by the next one, without loss or repetition',
    async (_, __, start) => {
      using dir = tempDir()
      await using engine = await start()
      const [from, to] = [`sqlite:${join(dir.path, 'from.db')}`, engine.url('copy', PASSWORD)]
      const events = 12_000
      {
        const log = await openLog(from)
        for (let i = 0; i < events; i += 2_000)
          await log.append(texts(...Array.from({ length: 2_000 }, (___, j) => `${i + j}`)))
        await log.close()
      }
      const args = ['log', 'copy', from, to, '--json']
      {
        await using first = spawnCli(args)
        const { share } = JSON.parse(await first.nextLine()) as Progress
        expect(share).toBeLessThan(1)
        await first.kill('SIGKILL')
      }
      const second = await runCli(args)
      expect(second.code, second.stderr).toBe(0)
      const last = JSON.parse(second.stdout.trim().split('\n').at(-1)!) as { done: boolean; events: number }
      expect(last.done).toBe(true)
      expect(last.events).toBeGreaterThan(0)
      expect(last.events).toBeLessThan(events)
      const [a, b] = [await openLog(from), await openLog(to)]
      expect(await contentOf(b)).toEqual(await contentOf(a))
      expect((await a.describe()).epoch).not.toBe((await b.describe()).epoch)
      await Promise.all([a.close(), b.close()])
    },
    60_000,
  )

  test.each([
    [['copy', 'sqlite:a.db'], 64, 'tailrace log copy <from> <to>'],
    [['move', 'sqlite:a.db', 'sqlite:b.db'], 64, 'tailrace log copy <from> <to>'],
    [['copy', 'memory:', 'sqlite:b.db'], 64, 'memory:'],
    [
      ['copy', 'sqlite:/nowhere/a.db', 'sqlite:/nowhere/b.db'],
      1,
      'there is no log sqlite:/nowhere/a.db to copy',
    ],
    [['copy', 'mysql://ann:very-secret@h', 'sqlite:b.db'], 64, 'mysql://…@h'],
  ])('is refused: %j', async (args, code, message) => {
    using dir = tempDir()
    const result = await runCli(['log', ...args], { cwd: dir.path })
    expect([result.code, result.stdout]).toEqual([code, ''])
    expect(result.stderr).toContain(message)
    expect(result.stderr).not.toContain('very-secret')
  })
})

async function startFiles(): Promise<Pick<Engine, 'url' | typeof Symbol.asyncDispose>> {
  const dir = tempDir()
  return {
    url: (node) => `sqlite:${join(dir.path, node)}`,
    [Symbol.asyncDispose]: async () => dir[Symbol.dispose](),
  }
}
