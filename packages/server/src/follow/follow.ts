import { randomUUID } from 'node:crypto'
import { watchChanges } from './changes.ts'
import { deliver } from './deliver.ts'
import type { Destination } from './deliver.ts'
import { drain } from './drain.ts'
import type { Drain } from './drain.ts'
import { idOf, isSameFile } from './file-id.ts'
import type { FileId } from './file-id.ts'
import { renew, survey } from './known.ts'
import type { Place } from './place.ts'
import { locate, openNext } from './rotation.ts'
import type { Next } from './rotation.ts'
import { statFile } from './source.ts'
import type { Source } from './source.ts'
import { loadState, saveState, temporaryOf } from './state.ts'

export interface FollowOptions extends Destination {
  /** The file whose lines are published, together with the files that replace it at this path. */
  readonly file: string
  /** Where the position is saved, so that a restart publishes no line twice and misses none. */
  readonly state: string
}

/**
 * Publishes the lines of a growing file until it is stopped.
 *
 * A line is published when its LF has been written. Empty lines are ignored. Bytes that are not UTF-8 become U+FFFD.
 * A line that is too long is skipped, with a notice. A rotated file is read to its end before the next one is begun.
 *
 * @throws ClientError if the hub refuses a line permanently, FollowError if the file or its position is unusable
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { file, state, topic, signal, notice } = options
  using changes = watchChanges(file, [state, temporaryOf(state)], signal)
  const saved = await loadState(state, topic)
  let place = saved?.place
  let known = saved?.known ?? (await survey(file, place?.file))
  let source: Source | undefined
  /** Files that were read again, since the last new file, because somebody wrote to them late. */
  let late: readonly FileId[] = []

  const sink: Drain = {
    deliver: (lines, generation) => deliver(lines, generation, options),
    save: (reached) => saveState(state, { topic, place: reached, known }),
    notice,
    signal,
  }
  async function begin(next: Next, isRead: boolean): Promise<void> {
    const renewed = await renew(file, known, place && { place, isRead })
    for (const path of renewed.missed) notice(`${path} is compressed: its lines are not published`)
    source = next.source
    const { id, head } = source
    const start = { generation: randomUUID(), prints: [head], offset: 0, isSkipping: false }
    place = { ...(next.place ?? start), file: id }
    // The file that contains the position is no longer where it was.
    known = { ...renewed.known, left: renewed.known.left.filter((left) => !isSameFile(left.file, id)) }
    late = next.isLate ? [...late, id] : []
    await sink.save(place)
  }
  async function recover(lost: Place): Promise<void> {
    source = await locate(file, lost, known)
    if (source === undefined)
      notice('the file that was read last was deleted or truncated: lines may be missing')
    else place = { ...lost, file: source.id }
  }

  try {
    if ((await statFile(file)) === undefined) notice(`${file} does not exist yet: waiting for it`)
    if (place !== undefined) await recover(place)
    while (!signal.aborted) {
      if (source === undefined || place === undefined) {
        const next = await openNext(file, known)
        await (next === undefined ? changes.next() : begin(next, false))
        continue
      }
      // Before the last read of this file: once a program writes to the next file, it has finished with this one.
      const next = (await isAt(file, source)) ? undefined : await openNext(file, known, [source.id, ...late])
      // A late line without its LF is incomplete: it has no end until the rest is written.
      const drained = await drain(source, place, next !== undefined && late.length === 0, sink)
      place = drained.place
      if (drained.isReplaced) {
        await Promise.all([source.close(), next?.source.close()])
        await recover(place)
      } else if (next === undefined) {
        await changes.next()
      } else {
        await source.close()
        await begin(next, true)
      }
    }
  } catch (error) {
    // The next run sends what was under way again, with the same keys.
    if (!signal.aborted) throw error
  } finally {
    await source?.close()
  }
}

async function isAt(path: string, { id }: Source): Promise<boolean> {
  const stats = await statFile(path)
  return stats !== undefined && isSameFile(idOf(stats), id)
}
