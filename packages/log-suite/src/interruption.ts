import type { CompleteEventLog, LogErrorCode } from '@tailrace/log'
import { LogError } from '@tailrace/log'
import { expect } from 'vitest'

import { recordTail } from './listener.ts'
import { dataOf, offsetsOf, publish, query, readAll, trimAll } from './reading.ts'
import { rejection } from './rejection.ts'
import { START_TIME, type Check } from './subject.ts'

/** The result of an append: the code of its rejection, or `stored`. */
async function outcomeOf(log: CompleteEventLog, data: string): Promise<LogErrorCode | 'stored'> {
  try {
    await publish(log, 'a', data)
    return 'stored'
  } catch (error) {
    if (!LogError.is(error)) throw error
    return error.code
  }
}

export function testInterruption(check: Check): void {
  check('reports an interruption with its reason, and its end, once each', async (subject) => {
    const { log, interrupt, restore } = subject
    const recorded = await Promise.all([recordTail(log), recordTail(log)])
    for (let round = 1; round <= 2; round += 1) {
      await interrupt()
      for (const one of recorded) await one.until(() => one.interruptions.length === 2 * round - 1)
      await restore()
      for (const one of recorded) await one.until(() => one.interruptions.length === 2 * round)
    }
    for (const { interruptions, failures } of recorded) {
      for (const reason of interruptions.filter((one) => one !== 'resumed')) {
        expect(LogError.is(reason) && reason.message.length > 0).toBe(true)
      }
      expect(interruptions.map((one) => (one === 'resumed' ? one : 'interrupted'))).toEqual([
        'interrupted',
        'resumed',
        'interrupted',
        'resumed',
      ])
      expect(failures).toEqual([])
    }
  })

  check('rejects calls that need the engine while it cannot be reached, and recovers', async (subject) => {
    const { log, interrupt, restore } = subject
    await publish(log, 'a', 'before')
    const recorded = await recordTail(log)
    await interrupt()
    await recorded.until(() => recorded.interruptions.length === 1)
    for (const call of [log.read(query(['a'])), log.ready(), log.describe()]) {
      expect(await rejection(call)).toMatchObject({ code: 'unreachable' })
    }
    expect(['unreachable', 'outcome-unknown']).toContain(await outcomeOf(log, 'during'))
    await restore()
    await recorded.until(() => recorded.interruptions.length === 2)
    await log.ready()
    await publish(log, 'a', 'after')
    expect(dataOf(await readAll(log, ['a'])).filter((data) => data !== 'during')).toEqual(['before', 'after'])
  })

  check(
    'stores nothing that it rejects as unreachable, and everything that it acknowledges',
    async (subject) => {
      const { log, interrupt, restore } = subject
      const recorded = await recordTail(log)
      const outcomes = new Map<string, Promise<LogErrorCode | 'stored'>>()
      const append = (name: string): void => {
        for (let i = 0; i < 20; i += 1) outcomes.set(`${name} ${i}`, outcomeOf(log, `${name} ${i}`))
      }
      append('before')
      await interrupt()
      append('during')
      await Promise.all(outcomes.values())
      await restore()
      await recorded.until(() => recorded.interruptions.length === 2)
      append('after')
      await Promise.all(outcomes.values())
      const stored = dataOf(await readAll(log, ['a']))
      expect(new Set(stored).size).toBe(stored.length)
      for (const [data, outcome] of outcomes) {
        const code = await outcome
        expect(['stored', 'unreachable', 'outcome-unknown']).toContain(code)
        if (code !== 'outcome-unknown')
          expect([data, stored.includes(data)]).toEqual([data, code === 'stored'])
      }
      await recorded.until(() => recorded.events.length >= stored.length)
      expect(dataOf(recorded.events)).toEqual(stored)
    },
  )

  check.with(
    'join',
    'reports the events of the interruption, once and in order, before later ones',
    async (subject) => {
      const { log, join, interrupt, restore } = subject
      const other = await join()
      const recorded = await recordTail(log)
      await recorded.reach(await publish(log, 'a', 'before'))
      await interrupt()
      await recorded.until(() => recorded.interruptions.length === 1)
      for (let i = 0; i < 25; i += 1) await publish(other, 'a', `during ${i}`)
      await restore()
      await recorded.until(() => recorded.interruptions.length === 2)
      await recorded.reach(await publish(other, 'a', 'after'))
      expect(recorded.events).toEqual(await readAll(other, ['a']))
      expect(recorded.events).toHaveLength(27)
      expect(recorded.losses).toEqual([])
    },
  )

  check.with(
    'join',
    'reports however many events were published during the interruption',
    async (subject) => {
      const { log, join, interrupt, restore } = subject
      const other = await join()
      const recorded = await recordTail(log)
      await interrupt()
      await recorded.until(() => recorded.interruptions.length === 1)
      const offsets: number[] = []
      for (let batch = 0; batch < 5; batch += 1) {
        const events = Array.from({ length: 1_000 }, (_, i) => ({ topic: `t/${i % 10}`, data: '' }))
        offsets.push(...offsetsOf(await other.append(events)))
      }
      await restore()
      await recorded.reach(offsets.at(-1)!)
      expect(offsetsOf(recorded.events)).toEqual(offsets)
      expect(recorded.losses).toEqual([])
    },
  )

  check.with(
    ['join', 'retention'],
    'reports what was removed during the interruption, or that it is lost, before anything newer',
    async (subject) => {
      const { log, join, interrupt, restore } = subject
      const other = await join()
      const recorded = await recordTail(log)
      await recorded.reach(await publish(log, 'a', 'before'))
      for (const maxCount of [0, 5]) {
        const told = recorded.interruptions.length
        await interrupt()
        await recorded.until(() => recorded.interruptions.length === told + 1)
        const during: number[] = []
        for (let i = 0; i < 25; i += 1) during.push(await publish(other, 'a', `${i}`))
        await trimAll(other, [{ selector: 'a', maxCount }], START_TIME)
        await restore()
        const isReported = (offset: number): boolean =>
          recorded.events.some((event) => event.offset === offset) ||
          recorded.losses.some(({ through }) => through >= offset)
        // No later event is needed for that.
        await recorded.until(() => during.every(isReported))
        await recorded.reach(await publish(other, 'a', 'after'))
      }
      for (const { through, after } of recorded.losses) {
        expect(recorded.events[after - 1]!.offset).toBeLessThan(through)
        expect(recorded.events[after]!.offset).toBeGreaterThan(through)
      }
      expect(recorded.events.at(-1)!.data).toBe('after')
      expect(recorded.failures).toEqual([])
    },
  )

  check.with(
    ['join', 'retention'],
    'reports purges that happened during the interruption',
    async (subject) => {
      const { log, join, interrupt, restore } = subject
      const other = await join()
      const recorded = await recordTail(log)
      await recorded.reach(await publish(log, 'a', 'purged'))
      await interrupt()
      await recorded.until(() => recorded.interruptions.length === 1)
      await other.retention.purge('a')
      await restore()
      await recorded.until(() => recorded.purges.length > 0)
      expect(recorded.purges[0]!.topic).toBe('a')
    },
  )

  check('closes while the engine cannot be reached', async ({ log, interrupt }) => {
    const recorded = await recordTail(log)
    await interrupt()
    await recorded.until(() => recorded.interruptions.length === 1)
    await log.close()
    expect(await rejection(log.ready())).toMatchObject({ code: 'closed' })
  })

  check.with(
    'replace',
    'fails when the log has been replaced, and reports nothing after that',
    async (subject) => {
      const { log, replace } = subject
      const recorded = await recordTail(log)
      await recorded.reach(await publish(log, 'a', '1'))
      await replace()
      await recorded.until(() => recorded.failures.length > 0)
      expect(recorded.failures).toHaveLength(1)
      expect(LogError.is(recorded.failures[0])).toBe(true)
      await outcomeOf(log, '2')
      expect(dataOf(recorded.events)).toEqual(['1'])
      expect(recorded.failures).toHaveLength(1)
    },
  )
}
