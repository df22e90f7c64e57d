import { randomUUID } from 'node:crypto'
import { watchChanges } from './changes.ts'
import { deliver } from './deliver.ts'
import type { Destination } from './deliver.ts'
import { drain } from './drain.ts'
import type { Drain } from './drain.ts'
import { listCompressed, locate, openNext } from './rotation.ts'
import { idOf, isSameFile, statFile } from './source.ts'
import type { Source } from './source.ts'
import { loadPlace, savePlace, temporaryOf } from './state.ts'
import type { Place } from './state.ts'

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
 * @throws ApiError when the hub refuses a line for good, FollowError when the file or its place is unusable
 */
export async function follow(options: FollowOptions): Promise<void> {
  const { file, state, topic, signal, notice } = options
  using changes = watchChanges(file, [state, temporaryOf(state)], signal)
  let place = await loadPlace(state, topic)
  let source: Source | undefined

  const sink: Drain = {
    deliver: (lines, generation) => deliver(lines, generation, options),
    save: (reached) => savePlace(state, reached),
    notice,
  }
  async function begin(next: Source): Promise<void> {
    source = next
    const { id, head } = next
    place = { topic, generation: randomUUID(), file: id, prints: [head], offset: 0, isSkipping: false }
    await sink.save(place)
  }
  async function recover(lost: Place): Promise<void> {
    source = await locate(file, lost)
    if (source === undefined)
      notice('the file that was read last is gone or was truncated: lines may be missing')
    else place = { ...lost, file: source.id }
    for (const path of await listCompressed(file, lost))
      notice(`${path} is compressed: its lines are missing`)
  }

  try {
    if ((await statFile(file)) === undefined) notice(`${file} does not exist yet: waiting for it`)
    if (place !== undefined) await recover(place)
    while (!signal.aborted) {
      if (source === undefined || place === undefined) {
        const next = await openNext(file, place)
        await (next === undefined ? changes.next() : begin(next))
        continue
      }
      // Looked up before the last read of this file: whoever has written to the next one has left this one.
      const next = (await isAt(file, source)) ? undefined : await openNext(file, place, source)
      const drained = await drain(source, place, next !== undefined, sink)
      place = drained.place
      if (drained.isReplaced) {
        await Promise.all([source.close(), next?.close()])
        await recover(place)
      } else if (next === undefined) {
        await changes.next()
      } else {
        await source.close()
        await begin(next)
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
