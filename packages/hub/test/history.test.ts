import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { publishAll, publishOne, readPage, texts } from './opening.ts'
import type { PageText } from './opening.ts'

const HERE = new AbortController().signal

let log: CompleteEventLog
let hub: Hub

beforeEach(async () => {
  log = createMemoryLog()
  hub = await createHub({ log, heartbeatMs: 0, batchMs: 0 })
})

afterEach(async () => {
  vi.useRealTimers()
  await hub.close()
  await log.close()
})

function read(
  query: Partial<Parameters<typeof readPage>[1]> = {},
  signal: AbortSignal = HERE,
): Promise<PageText> {
  return readPage(hub, { selectors: ['t'], ...query }, signal)
}

function dataOf(history: PageText): (string | undefined)[] {
  if ('gap' in history) throw new Error(`a gap: ${history.gap.reason}`)
  return history.events.map(({ data }) => data)
}

function nextOf(history: PageText): string {
  if ('gap' in history) throw new Error(`a gap: ${history.gap.reason}`)
  return history.next
}

describe('pages', () => {
  test('an event is told with all that it has, and nothing that it has not', async () => {
    const [, second] = await publishAll(hub, [
      { topic: 't', data: 'a', type: 'paid', key: 'k' },
      { topic: 't', data: '' },
    ])
    expect(await read()).toMatchObject({
      events: [
        { offset: 1, topic: 't', type: 'paid', key: 'k', time: expect.any(Number), data: 'a' },
        { offset: 2, topic: 't', type: undefined, key: undefined, data: '' },
      ],
      next: second,
    })
  })

  test('page after page, a reader sees every event once and in order', async () => {
    const data = Array.from({ length: 25 }, (_, i) => `${i}`)
    await publishAll(hub, texts('t', ...data))
    await publishAll(hub, texts('other', 'x'))
    const seen: (string | undefined)[] = []
    let from = 'start'
    for (;;) {
      const page = await read({ from, limit: 10 })
      if (dataOf(page).length === 0) break
      seen.push(...dataOf(page))
      from = nextOf(page)
    }
    expect(seen).toEqual(data)
  })

  test('a page without a limit has a hundred events', async () => {
    await hub.publish(texts('t', ...Array.from({ length: 101 }, String)))
    expect(dataOf(await read())).toHaveLength(100)
  })

  test('a page ends once it holds 1 MiB of data, and a larger event is a page of its own', async () => {
    await hub.publish(texts('t', ...Array.from({ length: 5 }, () => 'x'.repeat(400 * 1024))))
    expect(dataOf(await read())).toHaveLength(3)
    await publishOne(hub, { topic: 'large', data: 'x'.repeat(1024 * 1024) })
    await publishOne(hub, { topic: 'large', data: 'y' })
    expect(dataOf(await read({ selectors: ['large'] }))).toHaveLength(1)
  })

  test('from now, there is nothing yet, and the next page begins here', async () => {
    await publishAll(hub, texts('t', 'old'))
    const page = await read({ from: 'now' })
    expect(dataOf(page)).toEqual([])
    await publishAll(hub, texts('t', 'new'))
    expect(dataOf(await read({ from: nextOf(page) }))).toEqual(['new'])
  })
})

describe('a cursor that cannot be served', () => {
  test.each([
    ['unknown', 'nonsense'],
    ['unknown', '.1'],
    ['epoch', 'anotherlife.1'],
  ])('is told as %s: %s', async (reason, from) => {
    const [id] = await publishAll(hub, texts('t', 'a'))
    expect(await read({ from })).toEqual({ gap: { reason, from, oldest: id } })
  })

  test('is told as unknown when it is ahead of the log', async () => {
    const [id] = await publishAll(hub, texts('t', 'a'))
    const from = id!.replace(/1$/, '7')
    expect(await read({ from })).toEqual({ gap: { reason: 'unknown', from, oldest: id } })
  })

  test('is told as expired when something after it is gone, with the oldest that is left', async () => {
    const ids = await publishAll(hub, texts('t', 'a', 'b', 'c', 'd'))
    await log.retention.trim([{ selector: '**', maxCount: 2 }], Date.now())
    expect(await read({ from: ids[0]! })).toEqual({
      gap: { reason: 'expired', from: ids[0], oldest: ids[2] },
    })
    expect(dataOf(await read({ from: ids[1]! }))).toEqual(['c', 'd'])
    expect(dataOf(await read({ from: 'start' }))).toEqual(['c', 'd'])
  })
})

describe('waiting', () => {
  test('an event that is there is not waited for', async () => {
    await publishAll(hub, texts('t', 'a'))
    expect(dataOf(await read({ waitSeconds: 55 }))).toEqual(['a'])
  })

  test('the first event that is selected ends the wait', async () => {
    const waiting = read({ selectors: ['a/*', 'b'], waitSeconds: 55 })
    await publishAll(hub, texts('c', 'no'))
    await publishAll(hub, texts('a/1', 'yes'))
    expect(dataOf(await waiting)).toEqual(['yes'])
  })

  test('the end of the time ends the wait, with an empty page to go on from', async () => {
    vi.useFakeTimers()
    let page: PageText | undefined
    const waiting = read({ waitSeconds: 30 }).then((history) => (page = history))
    await vi.advanceTimersByTimeAsync(29_999)
    expect(page).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(dataOf(await waiting)).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a reader that leaves ends the wait', async () => {
    const leave = new AbortController()
    const waiting = read({ waitSeconds: 55 }, leave.signal)
    leave.abort()
    expect(dataOf(await waiting)).toEqual([])
  })

  test('a reader that left before the wait began does not wait', async () => {
    expect(dataOf(await read({ waitSeconds: 55 }, AbortSignal.abort()))).toEqual([])
  })

  test('the end of the hub ends the wait', async () => {
    const waiting = read({ waitSeconds: 55 })
    await hub.close()
    expect(dataOf(await waiting)).toEqual([])
  })

  test('an event that is published between the look and the wait is not missed', async () => {
    let isFirst = true
    const slow: CompleteEventLog = {
      ...log,
      async read(query) {
        const page = await log.read(query)
        if (isFirst) {
          isFirst = false
          await log.append(texts('t', 'between'))
        }
        return page
      },
    }
    await using closing = {
      hub: await createHub({ log: slow }),
      [Symbol.asyncDispose]: () => closing.hub.close(),
    }
    expect(dataOf(await readPage(closing.hub, { selectors: ['t'], waitSeconds: 55 }))).toEqual(['between'])
  })

  test('what is lost during the wait is told and not passed over', async () => {
    const [from] = await publishAll(hub, texts('t', 'seen'))
    const firstRead = Promise.withResolvers<void>()
    let reads = 0
    const trimming: CompleteEventLog = {
      ...log,
      async read(query) {
        reads += 1
        if (reads === 2) await log.retention.trim([{ selector: '**', maxCount: 1 }], Date.now())
        const page = await log.read(query)
        firstRead.resolve()
        return page
      },
    }
    await using closing = {
      hub: await createHub({ log: trimming }),
      [Symbol.asyncDispose]: () => closing.hub.close(),
    }
    const waiting = readPage(closing.hub, { selectors: ['t'], from, waitSeconds: 55 })
    await firstRead.promise
    const published = await closing.hub.publish(texts('t', 'lost', 'kept'))
    expect(await waiting).toEqual({ gap: { reason: 'expired', from, oldest: published[1]!.id } })
  })
})
