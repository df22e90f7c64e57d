import type { NewEvent, Note } from '@tailrace/log'
import type { CarriedRow, CarriedTable } from './carried.ts'

/** The version of the format. A record of a later one is not understood, and nothing behind it may be. */
export const FORMAT = 1
/** How every record begins: what does not is somebody else's. */
export const SIGNATURE = '{"tailrace":'

/** Maximum events of one record. The offset of an event is the position of its record times this, plus its index. */
export const MAX_EVENTS: number = 2 ** 15

/** What retention decided. It names what is removed, so that it has the same result on every node. */
export interface Removal {
  /** Those of the removed events, ascending. */
  readonly offsets: readonly number[]
  /** Topics without events that are forgotten: the floor stands for what they lost. */
  readonly forgotten: readonly string[]
  /** Idempotency records: topic and key. */
  readonly answers: readonly (readonly [topic: string, key: string])[]
  /** Notes and idempotency records expire that would be over at this time, some of the oldest. 0 for none. */
  readonly now: number
}

/**
 * A part of a checkpoint: rows of the index as it was when everything up to a position had been applied. A new node
 * begins with a whole checkpoint, so that the records before that position can be removed.
 */
export interface Part {
  readonly position: number
  /** Which part it is, from 0. */
  readonly number: number
  readonly isLast: boolean
  readonly table: CarriedTable
  readonly rows: readonly CarriedRow[]
}

/** One thing that a record changes, completely or not at all. */
export type Entry =
  /** The log begins. `after` is how far its writer had read without finding that it had begun. */
  | { readonly kind: 'genesis'; readonly epoch: string; readonly secret: string; readonly after: number }
  /** The log has another name from here on, because the engine has lost events of the epoch that the record names. */
  | { readonly kind: 'epoch'; readonly epoch: string }
  | { readonly kind: 'batch'; readonly events: readonly NewEvent[] }
  | { readonly kind: 'note'; readonly note: Note }
  | { readonly kind: 'purge'; readonly topic: string }
  | { readonly kind: 'removal'; readonly removal: Removal }
  | { readonly kind: 'part'; readonly part: Part }

/** What a node wrote at one time. */
export interface LogRecord {
  /** The log that its writer knew. */
  readonly epoch: string
  /** Its writer, and which of the records of its writer it is: a record that is stored twice is applied once. */
  readonly node: string
  readonly number: number
  /** By the clock of its writer, in milliseconds. Undefined if that of the sequencer counts. */
  readonly time: number | undefined
  readonly entries: readonly Entry[]
}

/** The offset before the first one of a record. */
export function offsetBefore(position: number): number {
  return position * MAX_EVENTS - 1
}
