import { LogError } from '@tailrace/log'
import type { Threads } from '@tailrace/log/sqlite'
import { place } from './feed.ts'
import type { IndexWriter } from './index/writer.ts'
import type { Part } from './record/record.ts'
import type { Consumer, SequencedRecord, Sequencer, SequencerDescription } from './sequencer.ts'

/** How long a node waits for the checkpoint of another one, if the engine has removed records that are in none. */
const WAITING_MS = 15_000

/**
 * Fills an index with the first whole checkpoint among the records.
 *
 * @param stopped - rejects when there is no use in going on
 * @returns whether there is one
 */
export async function loadBase(
  index: Threads<IndexWriter>,
  sequencer: Sequencer,
  { identity, oldest, newest }: SequencerDescription,
  stopped: Promise<never>,
): Promise<boolean> {
  await index.writer.call('reset', identity)
  const found = Promise.withResolvers<boolean>()
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const readThrough = (position: number): void => {
    if (position >= newest) timer ??= setTimeout(() => found.resolve(false), WAITING_MS)
  }
  const consumer: Consumer = {
    async records(records) {
      if (isOver) return
      try {
        // What came between an older one and the oldest record is gone.
        const parts = records.flatMap(partsIn).filter(({ part }) => part.position >= oldest - 1)
        isOver = parts.length > 0 && (await index.writer.call('load', parts))
        if (isOver) found.resolve(true)
      } catch (error) {
        isOver = true
        found.reject(error)
      }
      readThrough(records.at(-1)!.position)
    },
  }
  const consumption = await sequencer.consume(oldest - 1, consumer)
  try {
    readThrough(oldest - 1)
    const hasBase = await Promise.race([found.promise, stopped])
    if (hasBase) await assertUntrimmed(index, sequencer)
    return hasBase
  } finally {
    isOver = true
    clearTimeout(timer)
    await consumption.stop()
  }
}

/** @throws LogError `unreachable`, so that the node tries again, if the records after the checkpoint were removed meanwhile */
async function assertUntrimmed(index: Threads<IndexWriter>, sequencer: Sequencer): Promise<void> {
  const { position } = await index.writer.call('standing')
  const { oldest } = await sequencer.describe()
  if (oldest <= position + 1) return
  throw new LogError(
    'unreachable',
    'The records were removed while the index was being built from them: it begins again.',
    {
      details: { position, oldest },
    },
  )
}

function partsIn(sequenced: SequencedRecord): { node: string; part: Part }[] {
  const { record } = place(sequenced)
  if (record === undefined) return []
  return record.entries.flatMap((entry) =>
    entry.kind === 'part' ? [{ node: record.node, part: entry.part }] : [],
  )
}
