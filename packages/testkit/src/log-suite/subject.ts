import type { EventLog } from '@tailrace/log'
import { test } from 'vitest'

export interface OpenLogOptions {
  /** The wall clock, for a log that has the ability to follow it. */
  readonly now: () => number
}

/** A log under test. */
export interface OpenedLog {
  readonly log: EventLog
  /** Closes the log and opens it again on what it stored. */
  reopen?(): Promise<EventLog>
  /** A second node on the same store; `close` closes it too. */
  join?(): Promise<EventLog>
  /** Closes whatever is open, and removes what was stored. */
  close(): Promise<void>
}

export type OpenLog = (options: OpenLogOptions) => Promise<OpenedLog>

/** What only some engines can do: follow a clock that is set, outlive their process, serve many nodes. */
export type LogAbility = 'clock' | 'reopen' | 'join'

/** A log of one test's own. */
export interface Subject {
  readonly log: EventLog
  /** Another log that is new, closed with the first. */
  another(): Promise<EventLog>
  reopen(): Promise<EventLog>
  join(): Promise<EventLog>
  /** Sets the clock, which stands still. */
  setClock(time: number): void
}

type Body = (subject: Subject) => Promise<void>

export interface Check {
  (behaviour: string, body: Body): void
  /** A test for the logs that have an ability. */
  with(ability: LogAbility, behaviour: string, body: Body): void
}

/** Some time in 2033: no test may depend on what day it is. */
export const START_TIME: number = 2_000_000_000_000

export function createCheck(open: OpenLog, abilities: readonly LogAbility[]): Check {
  function check(behaviour: string, body: Body): void {
    // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- both are in the groups
    test(behaviour, () => run(open, body))
  }
  check.with = (ability: LogAbility, behaviour: string, body: Body): void => {
    if (abilities.includes(ability)) check(behaviour, body)
  }
  return check
}

async function run(open: OpenLog, body: Body): Promise<void> {
  let time = START_TIME
  const opened: OpenedLog[] = []
  async function openOne(): Promise<OpenedLog> {
    const one = await open({ now: () => time })
    opened.push(one)
    return one
  }
  const subject = await openOne()
  try {
    await body({
      log: subject.log,
      another: async () => (await openOne()).log,
      reopen: () => subject.reopen!(),
      join: () => subject.join!(),
      setClock(value) {
        time = value
      },
    })
  } finally {
    for (const one of opened) await one.close()
  }
}
