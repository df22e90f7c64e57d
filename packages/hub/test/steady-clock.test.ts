import { createMemoryLog } from '@tailrace/log'
import type { CompleteEventLog, Retention } from '@tailrace/log'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { startRetention } from '../src/retention.ts'
import { SteadyClock } from '../src/steady-clock.ts'

const MINUTE = 60_000
const [HOUR, DAY] = [60 * MINUTE, 24 * 60 * MINUTE]
const START = 2_000_000_000_000

/** Clocks of a machine: time passes for both, and somebody may set one. */
class Machine {
  at = 0
  jump = 0
  readonly clocks = { wall: () => START + this.at + this.jump, monotonic: () => this.at }

  /** Lets time pass, in which retention looks at the clock once a minute. Answers with what it then said. */
  pass(clock: SteadyClock, ms: number): number {
    for (const end = this.at + ms; this.at < end;) {
      this.at = Math.min(end, this.at + MINUTE)
      clock.now()
    }
    return clock.now()
  }
}

test('follows a wall clock that nobody sets', () => {
  const machine = new Machine()
  const clock = new SteadyClock(undefined, machine.clocks)
  for (const ms of [1, MINUTE, DAY, 10]) expect(machine.pass(clock, ms)).toBe(START + machine.at)
})

test('does not see a jump ahead that is put right within the hour', () => {
  const machine = new Machine()
  const clock = new SteadyClock(undefined, machine.clocks)
  machine.pass(clock, DAY)
  for (const ms of [12_000, 10 * MINUTE, HOUR - MINUTE]) {
    machine.jump = 8 * DAY
    expect(machine.pass(clock, ms)).toBe(START + machine.at)
    machine.jump = 0
    expect(machine.pass(clock, MINUTE)).toBe(START + machine.at)
  }
})

test('takes a jump for real when it has lasted an hour, such as the sleep of a machine', () => {
  const machine = new Machine()
  const clock = new SteadyClock(undefined, machine.clocks)
  machine.pass(clock, DAY)
  machine.jump = 8 * DAY
  expect(machine.pass(clock, HOUR - MINUTE)).toBe(START + machine.at)
  expect(machine.pass(clock, 3 * MINUTE)).toBe(START + machine.at + 8 * DAY)
})

test('has each of two jumps wait for its hour', () => {
  const machine = new Machine()
  const clock = new SteadyClock(undefined, machine.clocks)
  machine.jump = DAY
  machine.pass(clock, HOUR - 2 * MINUTE)
  machine.jump = 9 * DAY
  expect(machine.pass(clock, 10 * MINUTE)).toBe(START + machine.at + DAY)
  expect(machine.pass(clock, HOUR)).toBe(START + machine.at + 9 * DAY)
})

test('follows a clock that is set back at once', () => {
  const machine = new Machine()
  const clock = new SteadyClock(undefined, machine.clocks)
  machine.pass(clock, DAY)
  machine.jump = -3 * DAY
  expect(machine.pass(clock, 1)).toBe(START + machine.at - 3 * DAY)
})

test('goes on from the newest event when it starts, whatever the clock says by then', () => {
  const machine = new Machine()
  machine.jump = 8 * DAY
  const clock = new SteadyClock(START - 5, machine.clocks)
  expect(machine.pass(clock, 30 * MINUTE)).toBe(START - 5 + machine.at)
  expect(machine.pass(clock, HOUR)).toBe(START + machine.at + 8 * DAY)
})

test('goes on from the wall clock if the newest event is of a node whose clock is ahead', () => {
  const machine = new Machine()
  const clock = new SteadyClock(START + 300 * DAY, machine.clocks)
  expect(machine.pass(clock, MINUTE)).toBe(START + machine.at)
})

test('is not ahead of the events that other nodes store', () => {
  const machine = new Machine()
  machine.jump = 8 * DAY
  const clock = new SteadyClock(START, machine.clocks)
  for (let hours = 0; hours < 48; hours += 1) {
    machine.pass(clock, HOUR - MINUTE)
    clock.witness(START + machine.at)
    // A node whose clock is behind changes nothing.
    clock.witness(START + machine.at - 100 * DAY)
    expect(machine.pass(clock, 1)).toBe(START + machine.at)
  }
  // Without any, its own clock is all that it has.
  expect(machine.pass(clock, HOUR)).toBe(START + machine.at + 8 * DAY)
})

test('is never ahead of the wall clock, and never says more than has passed since the wall clock said so', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 3 * HOUR }), fc.integer()), { maxLength: 20 }),
      (steps) => {
        const machine = new Machine()
        const clock = new SteadyClock(START, machine.clocks)
        for (const [ms, jump] of steps) {
          machine.jump = jump
          expect(machine.pass(clock, ms)).toBeLessThanOrEqual(machine.clocks.wall())
        }
      },
    ),
  )
})

test('retention deletes nothing for a clock that is eight days ahead for a while', async () => {
  const machine = new Machine()
  const log = createMemoryLog({ now: machine.clocks.wall })
  await log.append([{ topic: 'a', data: 'kept' }])
  const rules = [{ selector: '**', maxAgeMs: 7 * DAY }]
  const trimmed = watchTrims(log)
  const retention = startRetention(trimmed.log, rules, 1, () => undefined, machine.clocks)
  await trimmed.next()
  machine.jump = 8 * DAY
  await trimmed.next()
  await trimmed.next()
  expect((await log.describe()).oldest).toBe(1)
  // A hub that is started meanwhile knows of it no more than of what came before.
  const another = startRetention(trimmed.log, rules, 1, () => undefined, machine.clocks)
  await trimmed.next()
  await trimmed.next()
  await another.stop()
  expect((await log.describe()).oldest).toBe(1)
  // It was no mistake.
  for (let minutes = 0; minutes <= 62; minutes += 1) {
    machine.at += MINUTE
    await trimmed.next()
    await trimmed.next()
  }
  await retention.stop()
  expect((await log.describe()).oldest).toBe(2)
})

test('retention of a node whose clock is wrong for long deletes nothing that others have just stored', async () => {
  const right = new Machine()
  const wrong = new Machine()
  wrong.jump = 8 * DAY
  const log = createMemoryLog({ now: right.clocks.wall })
  await log.append([{ topic: 'a', data: 'kept' }])
  const trimmed = watchTrims(log)
  const rules = [{ selector: '**', maxAgeMs: 7 * DAY }]
  const retention = startRetention(trimmed.log, rules, 1, () => undefined, wrong.clocks)
  const tail = await log.tail({
    events: (events) => retention.witness(events.at(-1)!.time),
    purged() {},
    lost() {},
    interrupted() {},
    resumed() {},
    failed() {},
  })
  await trimmed.next()
  for (let minutes = 0; minutes <= 180; minutes += 30) {
    for (const machine of [right, wrong]) machine.at += 30 * MINUTE
    await log.append([{ topic: 'a', data: 'kept' }])
    await trimmed.next()
    await trimmed.next()
  }
  tail.stop()
  await retention.stop()
  expect((await log.describe()).oldest).toBe(1)
})

/** A log that says when a step of retention has begun and ended since it was asked. */
function watchTrims(log: CompleteEventLog): { log: CompleteEventLog; next(): Promise<void> } {
  const waiting: (() => void)[] = []
  const trim: Retention['trim'] = async (rules, now) => {
    const told = waiting.splice(0)
    const result = await log.retention.trim(rules, now)
    for (const tell of told) tell()
    return result
  }
  return {
    log: { ...log, retention: { ...log.retention, trim } },
    next: () => new Promise((resolve) => waiting.push(resolve)),
  }
}
