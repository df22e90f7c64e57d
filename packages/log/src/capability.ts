import { LogError } from './errors.ts'
import type { Capability, CompleteEventLog, EventLog } from './event-log.ts'

/** What each capability is needed for, to complete an error message. */
const PURPOSES: Readonly<Record<Capability, string>> = {
  snapshots: 'read snapshots',
  topics: 'list topics or end them',
  retention: 'remove events',
  shared: 'share tickets and revocations between nodes',
}

/** Returns a capability of a log. @throws LogError `unsupported`, with a sentence that says what the log cannot do */
export function capabilityOf<C extends Capability>(log: EventLog, capability: C): CompleteEventLog[C] {
  const found = log[capability] as CompleteEventLog[C] | undefined
  if (found !== undefined) return found
  throw new LogError('unsupported', `The log of this hub cannot ${PURPOSES[capability]}.`, {
    details: { capability },
  })
}
