import type { NewEvent } from '@tailrace/log'
import { expectRejection } from '@tailrace/log-suite'
import { describe, expect, test } from 'vitest'
import { allOf, useLogs } from './logs.ts'
import { MemorySequence } from './memory-sequencer.ts'

const logs = useLogs()
const NO_LISTENER = { events() {}, purged() {}, lost() {}, interrupted() {}, resumed() {}, failed() {} }
const event: NewEvent = { topic: 'a', data: '' }

describe('after a while', () => {
  test('a node connects again when its engine stores records and reports none', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence)
    const gate = Promise.withResolvers<void>()
    const interruptions: string[] = []
    await log.tail({
      ...NO_LISTENER,
      interrupted: ({ code }) => interruptions.push(code),
      resumed: () => interruptions.push('resumed'),
    })
    sequence.gate = gate.promise
    await expectRejection(log.append([event]), 'outcome-unknown')
    gate.resolve()
    await expect.poll(() => interruptions).toEqual(['unreachable', 'resumed'])
    expect(await log.append([event])).toHaveLength(1)
    expect(await allOf(log, 'read')).toHaveLength(2)
  })

  test('a log whose beginning the engine has lost, and that no node remembers, begins again as another one', async () => {
    const sequence = new MemorySequence()
    const log = await logs.open(sequence)
    await log.append([event])
    const { epoch } = await log.describe()
    await log.close()
    sequence.trim(1)
    const again = await logs.open(sequence)
    await expect
      .poll(
        () =>
          again.ready().then(
            () => true,
            () => false,
          ),
        { timeout: 50_000 },
      )
      .toBe(true)
    expect((await again.describe()).epoch).not.toBe(epoch)
    expect(await again.append([event])).toHaveLength(1)
    expect(await allOf(again, 'read')).toHaveLength(1)
  })
})
