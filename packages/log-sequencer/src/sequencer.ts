import type { Session } from '@tailrace/log/adapter'

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

/** Receives records. */
export interface Consumer {
  /**
   * A run of records, in order: never empty, positions larger than any before, none missing that is retained. No
   * more are reported until this resolves. Never rejects.
   */
  records(records: readonly SequencedRecord[]): Promise<void>
}

/**
 * One connection to an engine that can do one thing: put records in one order, for all nodes, durably. Everything else
 * that a log must know (idempotency, ends of topics, the newest event of each key) follows from the order, and each
 * node derives it for itself.
 *
 * `lost` resolves once the connection is of no more use, also if consuming is: another one is made then, which continues
 * after the last record. What was waiting rejects at once.
 */
export interface Sequencer extends Session {
  /**
   * Appends one record, of at most `maxRecordBytes`. Resolves with its position once it is durable. Appends of one
   * connection keep their order: a record is never stored behind one that was appended after it.
   *
   * @throws LogError `unreachable` if it was certainly not stored, `outcome-unknown` if it may be, `full` …
   */
  append(bytes: Uint8Array): Promise<number>
  /**
   * Reports every retained record after a position, which may be 0, and every later one, until the consumption is
   * stopped or the connection is lost. One consumption runs at a time.
   */
  consume(after: number, consumer: Consumer): Promise<Consumption>
  /** @throws LogError `unreachable` */
  describe(): Promise<SequencerDescription>
  /** Removes every record up to a position, or some of the oldest of them. */
  trim(through: number): Promise<void>
}

export interface Consumption {
  /** Nothing is reported once this was called. Must not reject. */
  stop(): Promise<void>
}

/**
 * Connects to a sequencer, as {@link EngineConnectionOptions.connect} describes: it checks the version and the settings
 * of the engine, creates the sequence if there is none, takes bounded time, and leaves nothing open if it fails. The
 * log compares the identity, and calls it again after an interruption.
 */
export type ConnectSequencer = (signal: AbortSignal) => Promise<Sequencer>
