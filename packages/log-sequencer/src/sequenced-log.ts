import { LogError } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import type { ConnectSequencer } from './sequencer.ts'

export interface SequencedLogOptions {
  readonly connect: ConnectSequencer
  /**
   * The file of the index, which is created if necessary, with its folder. Each node has its own, on a local disk. It can
   * be deleted while no node uses it: it is built again from the records.
   */
  readonly index: string
  /**
   * Receives one sentence for each fact that an operator should know: that the index is being built again, and how far
   * it is; that the sequence has records which are not Tailrace's. @defaultValue nothing
   */
  readonly warn?: ((sentence: string) => void) | undefined
  /** The wall clock, in milliseconds. @defaultValue the time of each record by the sequencer */
  readonly now?: (() => number) | undefined
}

/**
 * A log on anything that can put records in one order. Every node derives the same index from the same records.
 *
 * Resolves also if the sequencer cannot be reached now.
 *
 * @throws LogError as `connect` does, and `locked`, `foreign`, `incompatible`, `read-only`, `full`, `corrupt`,
 * `replaced` or `cannot-open`, about the index or the records
 */
export async function openSequencedLog(options: SequencedLogOptions): Promise<CompleteEventLog> {
  throw new LogError('cannot-open', `The index ${options.index} cannot be opened yet.`)
}
