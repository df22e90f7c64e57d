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
  /** The file whose lines are published, and those of the files that come after it at this path. */
  readonly file: string
  /** Where its place is kept, so that a restart publishes no line twice and misses none. */
  readonly state: string
}

/**
 * Publishes the lines of a growing file until it is told to stop.
 *
 * A line is published when it has its LF. Empty lines are passed over; bytes that are not UTF-8 become U+FFFD;
 * a line that is too long is skipped, with a notice. A file that was rotated is read to its end before the
 * next is begun.
 *
 * @throws ClientError when the hub refuses a line for good, FollowError when the file or its place is unusable
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { file, state, topic, signal, notice } = options
  using changes = watchChanges(file, [state, temporaryOf(state)], signal)
  const saved = await loadState(state, topic)
  let place = saved?.place
  let known = saved?.known ?? (await survey(file, place?.file))
  let source: Source | undefined
  /** What is read again because somebody wrote to it late, since the last file that was new. */
  let late: readonly FileId[] = []

  const sink: Drain = {
    deliver: (lines, generation) => deliver(lines, generation, options),
    save: (reached) => saveState(state, { topic, place: reached, known }),
    notice,
    signal,
  }
  async function begin(next: Next, isRead: boolean): Promise<void> {
    const renewed = await renew(file, known, place && { place, isRead })
    for (const path of renewed.missed) notice(`${path} is compressed: its lines are missing`)
    source = next.source
    const { id, head } = source
    const start = { generation: randomUUID(), prints: [head], offset: 0, isSkipping: false }
    place = { ...(next.place ?? start), file: id }
    // Its place is no longer where it was left.
    known = { ...renewed.known, left: renewed.known.left.filter((left) => !isSameFile(left.file, id)) }
    late = next.isLate ? [...late, id] : []
    await sink.save(place)
  }
  async function recover(lost: Place): Promise<void> {
    source = await locate(file, lost, known)
    if (source === undefined)
      notice('the file that was read last is gone or was truncated: lines may be missing')
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
      // Looked up before the last read of this file: whoever has written to the next one has left this one.
      const next = (await isAt(file, source)) ? undefined : await openNext(file, known, [source.id, ...late])
      // A late line without its LF is half a line: it has no end until it is written.
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
    // What was under way is sent again by the next run, under the same keys.
    if (!signal.aborted) throw error
  } finally {
    await source?.close()
  }
}

async function isAt(path: string, { id }: Source): Promise<boolean> {
  const stats = await statFile(path)
  return stats !== undefined && isSameFile(idOf(stats), id)
}
