import type { Capability, CompleteEventLog, EventLog } from '@tailrace/log'
import { test } from 'vitest'

export interface OpenLogOptions {
  /** The wall clock, for a log that can follow it. */
  readonly now: () => number
}

/** A log under test. */
export interface OpenedLog {
  readonly log: EventLog
  /** Closes the log and opens it again with the data it stored. */
  reopen?(): Promise<EventLog>
  /** Opens another node on the same store, with its own connection; `close` closes it too. */
  join?(): Promise<EventLog>
  /** Disconnects the first node from its engine, like an outage of the network. Nodes that joined stay connected. */
  interrupt?(): Promise<void>
  /** Ends the interruption. */
  restore?(): Promise<void>
  /** Replaces the data of the engine with that of another log, or removes it, while the first node is connected. */
  replace?(): Promise<void>
  /** Makes the engine remove its oldest events by its own bounds: at least all except the newest one stored now. */
  shed?(): Promise<void>
  /** Closes everything that is open, and removes what was stored. */
  close(): Promise<void>
}

export type OpenLog = (options: OpenLogOptions) => Promise<OpenedLog>

/**
 * What a log can do, and what a test can do to it: its capabilities; follow a clock that is set (`clock`); and the
 * optional methods of {@link OpenedLog}, of which `interrupt` includes `restore`.
 */
export type LogAbility = Capability | 'clock' | 'reopen' | 'join' | 'interrupt' | 'replace' | 'shed'

export const CAPABILITIES: readonly Capability[] = ['snapshots', 'topics', 'retention', 'shared']

/** The log of one test. Capabilities that the test does not require may be missing. */
export interface Subject {
  readonly log: CompleteEventLog
  /** Another new log, closed with the first. */
  another(): Promise<CompleteEventLog>
  reopen(): Promise<CompleteEventLog>
  join(): Promise<CompleteEventLog>
  interrupt(): Promise<void>
  restore(): Promise<void>
  replace(): Promise<void>
  shed(): Promise<void>
  /** Sets the clock, which stands still. */
  setClock(time: number): void
}

type Body = (subject: Subject) => Promise<void>

export interface Check {
  (behaviour: string, body: Body): void
  /** A test for the logs that have an ability, or several abilities. */
  with(abilities: LogAbility | readonly LogAbility[], behaviour: string, body: Body): void
}

/** Some time in 2033: no test may depend on the current date. */
export const START_TIME: number = 2_000_000_000_000

export function createCheck(open: OpenLog, abilities: readonly LogAbility[]): Check {
  function check(behaviour: string, body: Body): void {
    // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- both are in the groups
    test(behaviour, () => run(open, body))
  }
  check.with = (needed: LogAbility | readonly LogAbility[], behaviour: string, body: Body): void => {
    if ([needed].flat().every((ability) => abilities.includes(ability))) check(behaviour, body)
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
      log: subject.log as CompleteEventLog,
      another: async () => (await openOne()).log as CompleteEventLog,
      reopen: async () => (await subject.reopen!()) as CompleteEventLog,
      join: async () => (await subject.join!()) as CompleteEventLog,
      interrupt: () => subject.interrupt!(),
      restore: () => subject.restore!(),
      replace: () => subject.replace!(),
      shed: () => subject.shed!(),
      setClock(value) {
        time = value
      },
    })
  } finally {
    for (const one of opened) await one.close()
  }
}
