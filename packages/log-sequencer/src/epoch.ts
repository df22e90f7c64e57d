import { LogError } from '@tailrace/log'
import { mintEpoch, mintSecret } from '@tailrace/log/adapter'
import type { Threads } from '@tailrace/log/sqlite'
import { isLost } from './index/schema.ts'
import type { IndexWriter } from './index/writer.ts'
import type { Life } from './life.ts'
import type { Entry } from './record/record.ts'
import type { WriteQueue } from './write-queue.ts'

/**
 * Begins the log if nobody has, and gives it another epoch if readers may know events that the engine has lost. Before
 * anything else is written: of several nodes that do this at the same time, the first one in the order does.
 *
 * @returns the epoch
 * @throws LogError `foreign` if the sequence has only records of others, and as appending does
 */
export async function settleEpoch(
  index: Threads<IndexWriter>,
  queue: WriteQueue,
  { outlet, feed }: Life,
): Promise<string> {
  const known = await index.writer.call('standing')
  const hasBegun = known.epoch !== ''
  if (hasBegun && !isLost(known)) return known.epoch
  if (!hasBegun && known.foreign > 0) throw foreignSequence(known.foreign)
  const epoch = mintEpoch()
  const entry: Entry = hasBegun
    ? { kind: 'epoch', epoch }
    : { kind: 'genesis', epoch, secret: mintSecret(), after: feed.place.position }
  queue.connect(outlet, hasBegun ? known.epoch : epoch)
  let failure: unknown
  try {
    await queue.write(entry)
  } catch (error) {
    // Another node may have been first.
    failure = error
  }
  const settled = await index.writer.call('standing')
  if (settled.epoch === '' || isLost(settled)) throw failure
  return settled.epoch
}

function foreignSequence(records: number): LogError {
  return new LogError(
    'foreign',
    `The engine holds ${records} records under the name of the log, none of which Tailrace wrote: choose another name.`,
    { details: { records } },
  )
}
