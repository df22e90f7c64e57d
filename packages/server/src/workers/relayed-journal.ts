import type { Journal } from '../observe/journal.ts'
import type { SupervisorCalls } from './calls.ts'
import type { Link } from './link.ts'
import { packError } from './packed-error.ts'

/** The journal of a child. The supervisor writes its lines, so that those of several processes do not mix. */
export function relayedJournal(link: Link<SupervisorCalls>): Journal {
  return {
    // The supervisor reports for all.
    started: () => undefined,
    draining: () => undefined,
    stopped: () => undefined,
    interrupted: (reason) => link.tell('write', { kind: 'interrupted', error: packError(reason) }),
    resumed: () => link.tell('write', { kind: 'resumed' }),
    warn: (line) => link.tell('write', { kind: 'warn', line }),
    failed: (error) => link.tell('write', { kind: 'failed', error: packError(error) }),
  }
}
