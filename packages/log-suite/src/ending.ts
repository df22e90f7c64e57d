import { expect } from 'vitest'

import { dataOf, publish, readAll } from './reading.ts'
import { expectRejection } from './rejection.ts'
import type { Check } from './subject.ts'

export function testEnding(check: Check): void {
  check('knows where each topic ended', async ({ log }) => {
    await publish(log, 'a', '')
    await publish(log, 'b', '')
    const offset = await publish(log, 'a', 'last', { end: true })
    expect(await log.topics.ended(['b', 'a', 'none', 'a'])).toEqual([undefined, offset, undefined, offset])
    expect(await readAll(log, ['a'])).toMatchObject([{ end: false }, { data: 'last', end: true }])
  })

  check('refuses an event after the end, and names it', async ({ log }) => {
    await publish(log, 'a', 'last', { end: true })
    const batch = [
      { topic: 'b', data: '' },
      { topic: 'b', data: '' },
      { topic: 'a', data: '' },
      { topic: 'a', data: '' },
    ]
    const error = await expectRejection(log.append(batch), 'topic-ended')
    expect(error.details).toEqual({ topic: 'a', index: 2 })
    expect(dataOf(await readAll(log, ['a']))).toEqual(['last'])
  })

  check('refuses a second end', async ({ log }) => {
    const offset = await publish(log, 'a', '', { end: true })
    await expectRejection(publish(log, 'a', '', { end: true }), 'topic-ended')
    expect(await log.topics.ended(['a'])).toEqual([offset])
  })

  check('ends a topic that had no event before', async ({ log }) => {
    const offset = await publish(log, 'a', '', { end: true })
    expect(await log.topics.ended(['a'])).toEqual([offset])
  })

  check('ends no other topic', async ({ log }) => {
    await publish(log, 'a', '', { end: true })
    await log.append(['a/b', 'ab', 'A'].map((topic) => ({ topic, data: 'more' })))
    expect(dataOf(await readAll(log, ['a/b', 'ab', 'A']))).toEqual(['more', 'more', 'more'])
  })

  check('refuses a batch that publishes after its own end', async ({ log }) => {
    const error = await expectRejection(
      log.append([
        { topic: 'a', data: '1', end: true },
        { topic: 'b', data: '2' },
        { topic: 'a', data: '3' },
      ]),
      'topic-ended',
    )
    expect(error.details).toEqual({ topic: 'a', index: 2 })
    expect(await readAll(log, ['**'])).toEqual([])
    expect(await log.topics.ended(['a'])).toEqual([undefined])
  })

  check('accepts a batch whose last events end its topics', async ({ log }) => {
    const appended = await log.append([
      { topic: 'a', data: '1' },
      { topic: 'a', data: '2', end: true },
      { topic: 'b', data: '3', end: true },
    ])
    expect(await log.topics.ended(['a', 'b'])).toEqual([appended[1]!.offset, appended[2]!.offset])
  })

  check('accepts one of many concurrent ends, and nothing after it', async ({ log }) => {
    const settled = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) =>
        log.append([
          { topic: 'a', data: `${i}` },
          { topic: 'a', data: `end ${i}`, end: i % 3 === 0 },
        ]),
      ),
    )
    const events = await readAll(log, ['a'])
    expect(events.filter(({ end }) => end)).toHaveLength(1)
    expect(events.at(-1)!.end).toBe(true)
    expect(events).toHaveLength(2 * settled.filter(({ status }) => status === 'fulfilled').length)
  })

  check('treats a retry of the ending event as a repeat', async ({ log }) => {
    const event = { topic: 'a', data: 'last', end: true, idempotencyKey: 'once' }
    const [first] = await log.append([event])
    expect(await log.append([event])).toEqual([{ offset: first!.offset, duplicate: true }])
    await expectRejection(log.append([{ ...event, idempotencyKey: 'other' }]), 'topic-ended')
  })

  check('treats a retry of an event before the end as a repeat', async ({ log }) => {
    const event = { topic: 'a', data: '1', idempotencyKey: 'once' }
    const [first] = await log.append([event])
    await publish(log, 'a', '', { end: true })
    expect(await log.append([event])).toEqual([{ offset: first!.offset, duplicate: true }])
  })

  check('treats a second copy of the ending event in one batch as a repeat', async ({ log }) => {
    const event = { topic: 'a', data: 'last', end: true, idempotencyKey: 'once' }
    const [first, second] = await log.append([event, event])
    expect(second).toEqual({ offset: first!.offset, duplicate: true })
    expect(dataOf(await readAll(log, ['a']))).toEqual(['last'])
  })

  check.with('retention', 'does not end a reopened topic when its old end is retried', async ({ log }) => {
    const event = { topic: 'a', data: 'last', end: true, idempotencyKey: 'once' }
    await log.append([event])
    await log.retention.purge('a')
    const appended = await log.append([event, { topic: 'a', data: 'more' }])
    expect(appended.map(({ duplicate }) => duplicate)).toEqual([true, false])
    expect(await log.topics.ended(['a'])).toEqual([undefined])
    expect(dataOf(await readAll(log, ['a']))).toEqual(['more'])
  })

  check.with('retention', 'reopens a topic that is purged', async ({ log }) => {
    await publish(log, 'a', '', { end: true })
    await log.retention.purge('a')
    expect(await log.topics.ended(['a'])).toEqual([undefined])
    await publish(log, 'a', 'more')
    expect(dataOf(await readAll(log, ['a']))).toEqual(['more'])
  })

  check.with('reopen', 'keeps topics ended when the log is opened again', async ({ log, reopen }) => {
    const offset = await publish(log, 'a', '', { end: true })
    const again = await reopen()
    expect(await again.topics.ended(['a'])).toEqual([offset])
    await expectRejection(publish(again, 'a', ''), 'topic-ended')
  })
}
