import type { Processes } from '@tailrace/http'
import { LocalLedger } from './limits/ledger.ts'
import type { Claim, Ledger } from './limits/ledger.ts'
import type { Spending } from './limits/spending.ts'
import type { MetricSnapshot } from './observe/snapshot.ts'

/** What each process of a hub answers when one of them is asked about all. */
export interface Member extends Processes {
  metrics(): Promise<MetricSnapshot>
  /** Those metrics that only grow. */
  counters(): Promise<MetricSnapshot>
  /** The number of open connections. */
  sockets(): number
}

/** All processes of a hub, as one of them sees them. */
export interface Everyone extends Processes {
  metrics(): Promise<readonly MetricSnapshot[]>
}

/** The processes that serve a hub together, from the start of one of them on. */
export interface Crew {
  /** How many there are. */
  readonly size: number
  /** Counts what clients hold at all of them. */
  readonly ledger: Ledger
  readonly spending: Spending | undefined
  /** For 48 bytes of the same keys, a TLS session that began at one of them can be resumed at another. */
  readonly ticketKeys: Buffer | undefined
  /** What this process takes from the ledger for each stream, besides what all processes have together. */
  own(maxStreams: number): Claim | undefined
  /** Answers the others from now on. */
  join(member: Member): Everyone
  /** Calls back with the number of connections of the others whenever it changes. */
  onOthers(tell: (sockets: number) => void): void
}

/** A process that serves a hub by itself. */
export function alone(): Crew {
  return {
    size: 1,
    ledger: new LocalLedger(),
    spending: undefined,
    ticketKeys: undefined,
    own: () => undefined,
    join: (member) => ({ ...member, metrics: async () => [await member.metrics()] }),
    onOthers: () => undefined,
  }
}
