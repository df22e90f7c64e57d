import type { Appended, EventLog, NewEvent } from '@tailrace/log'
import type { ResolvedHubOptions } from '../options.ts'
import type { StreamLog } from './find.ts'
import type { StreamTerms } from './terms.ts'

/** What the streams of a log need from its hub. */
export interface StreamsOptions extends StreamLog {
  readonly log: EventLog
  readonly settings: ResolvedHubOptions
  readonly terms: StreamTerms
  /** Stores events that were checked. */
  append(batch: readonly NewEvent[]): Promise<readonly Appended[]>
  isInterrupted(): boolean
  /** Called with failures that are not reported to any caller. */
  report(error: unknown): void
}
