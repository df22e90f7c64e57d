import { LogError } from '@tailrace/log'
import type { Place } from './feed.ts'
import type { Standing } from './index/schema.ts'
import type { SequencerDescription } from './sequencer.ts'

/**
 * Compares an index with the sequence that it is to be built from.
 *
 * @param wasOpen - the log has been open since the process began, and its readers know it
 * @throws LogError `foreign` if the index is that of another log, `replaced` if the log is no longer the same
 */
export function assertOurs(
  path: string,
  { identity, epoch }: Standing,
  { identity: found }: SequencerDescription,
  wasOpen: boolean,
): void {
  if (epoch === '') return
  if (identity !== found && !wasOpen) {
    throw new LogError(
      'foreign',
      `The index ${path} belongs to another log: its sequence was ${identity}, and that of the engine is ${found}. ` +
        'Choose another index; or, if the engine was set up again on purpose, delete this one.',
      { details: { path, identity, found } },
    )
  }
  if (identity !== found) {
    throw new LogError(
      'replaced',
      `The engine holds another log: its sequence was ${identity}, and is ${found} now. Restart the hub with another index.`,
      { details: { identity, found } },
    )
  }
}

/** The error if the engine has lost the last record that was applied. */
export function findLoss(
  path: string,
  { position }: Standing,
  { newest }: SequencerDescription,
): LogError | undefined {
  if (newest >= position) return undefined
  return new LogError(
    'replaced',
    `The engine went back in time: its newest record is at position ${newest}, and the index ${path} has applied ${position}.`,
    { details: { path, newest, position } },
  )
}

/**
 * Checks that a node which was cut off can still read everything that it has missed.
 *
 * @throws LogError `replaced`
 */
export function assertContinued({ position }: Place, { oldest }: SequencerDescription): void {
  if (oldest <= position + 1) return
  throw new LogError(
    'replaced',
    `This node was cut off for so long that the engine has removed records which it has not read: it has come to position ` +
      `${position}, and the oldest record is at ${oldest}. When the log is opened again, its index is built from a checkpoint.`,
    { details: { position, oldest } },
  )
}
