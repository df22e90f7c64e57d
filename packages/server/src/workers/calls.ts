import type { Ending, Ended, StreamList, StreamRights } from '@tailrace/http'
import type { Failure } from '../cli/failure.ts'
import type { ServeValues } from '../cli/serve-settings.ts'
import type { Claim } from '../limits/ledger.ts'
import type { MetricSnapshot } from '../observe/snapshot.ts'
import type { PackedError } from './packed-error.ts'

/** What a child does. */
export type Order =
  | {
      readonly role: 'worker'
      /** The place of the worker among all, from 1. */
      readonly number: number
      readonly size: number
      readonly values: ServeValues
      readonly ticketKeys: Buffer
    }
  | {
      readonly role: 'owner'
      readonly values: ServeValues
      /** The socket at which it serves the log. */
      readonly path: string
    }

/** A child that is ready. The owner has no port. */
export interface Started {
  readonly port: number
}

/** What every child can be asked by the supervisor. */
export interface ChildCalls {
  /** Resolves once it is ready. */
  start(order: Order): Promise<Started | Failure>
  ping(): void
  drain(overMs: number): Promise<void>
  /** Completes what was accepted, and ends. */
  stop(): Promise<void>
  metrics(): Promise<MetricSnapshot>
}

/** What a worker can be asked, besides. */
export interface WorkerCalls extends ChildCalls {
  ready(): Promise<void>
  listStreams(limit: number): Promise<StreamList>
  findStream(id: string): Promise<StreamRights | undefined>
  endStreams(ending: Ending): Promise<Ended>
  /** The number of connections of the others. */
  others(sockets: number): void
  /** What clients have spent at another worker. */
  spent(list: readonly Spent[]): void
}

/** The questions of one worker to all. */
export type Question = 'ready' | 'listStreams' | 'findStream' | 'endStreams'

/** The answer of one worker. Without value and error, it did not answer in time. */
export interface Reply {
  readonly worker: number
  readonly value?: unknown
  readonly error?: PackedError
}

/** What a client has spent: the key of its rate, events, and bytes of data. */
export type Spent = readonly [key: string, events: number, bytes: number]

/** Changes at a worker since its last report. */
export interface Report {
  readonly sockets: number
  readonly spent: readonly Spent[]
}

/** A line in the journal of the supervisor. */
export type Line =
  | { readonly kind: 'warn'; readonly line: string }
  | { readonly kind: 'failed' | 'interrupted'; readonly error: PackedError }
  | { readonly kind: 'resumed' }

/** What the children ask the supervisor. */
export interface SupervisorCalls {
  write(line: Line): void
  /** Takes from the ledger what is held until `release`. Returns the place of a claim that exceeds its bound. */
  take(id: number, claims: readonly Claim[]): number | undefined
  release(id: number): void
  report(report: Report): void
  counted(counters: MetricSnapshot): void
  everyone(question: Question, args: readonly unknown[]): Promise<readonly Reply[]>
  /** The metrics of all processes, those that are gone included. */
  collect(): Promise<readonly MetricSnapshot[]>
}
