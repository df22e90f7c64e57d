import type { LogError } from '@tailrace/log'

/** A record in a sequence. */
export interface SequencedRecord {
  /** Its place in the sequence: a positive integer that only grows. There may be holes. */
  readonly position: number
  /** When it was stored, in milliseconds since 1970, by the engine's clock, or that of the node that appended it. */
  readonly time: number
  readonly bytes: Uint8Array
}

export interface SequencerDescription {
  /** The identity of the sequence: another one if the engine was replaced, or the sequence deleted and created again. */
  readonly identity: string
  /** The position of the oldest retained record; `newest + 1` if nothing is retained. */
  readonly oldest: number
  /** The position of the newest record; 0 if there has been none. Covers every append that resolved on any node. */
  readonly newest: number
  /** Maximum size of a record, in bytes. */
  readonly maxRecordBytes: number
}

/** Receives records. Must not throw. */
export interface Consumer {
  /** A run of records, in order: never empty, positions larger than any before, none missing that is retained. */
  records(records: readonly SequencedRecord[]): void
  /** The connection was lost. The sequencer reconnects by itself, and continues after the last record. Once each time. */
  interrupted(reason: LogError): void
  resumed(): void
  /** It is over: the sequence was replaced or deleted. */
  failed(error: LogError): void
}

export interface Consumption {
  stop(): Promise<void>
}

/**
 * An engine that can do one thing: put records in one order, for all nodes, durably. Everything else that a log must
 * know (idempotency, ends of topics, the newest event of each key) follows from the order, and each node derives it
 * for itself.
 */
export interface Sequencer {
  /**
   * Appends one record. Resolves with its position once it is durable. Appends of one node keep their order.
   *
   * @throws LogError `unreachable` if it was certainly not stored, `outcome-unknown` if it may be, `too-large`, `full` …
   */
  append(bytes: Uint8Array): Promise<number>
  /** Reports every record after a position, and every later one. Called once for each node. */
  consume(after: number, consumer: Consumer): Promise<Consumption>
  /** @throws LogError `unreachable` */
  describe(): Promise<SequencerDescription>
  /** Removes every record up to a position, or some of them. */
  trim(through: number): Promise<void>
  close(): Promise<void>
}
