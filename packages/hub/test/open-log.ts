import type { CompleteEventLog } from '@tailrace/log'

/** A log of a test's own, and what it leaves behind. */
export interface OpenLog extends AsyncDisposable {
  readonly log: CompleteEventLog
}

export type NamedLog = readonly [name: string, open: () => Promise<OpenLog>]
