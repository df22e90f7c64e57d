import { isSameFile } from './file-id.ts'
import type { FileId } from './file-id.ts'
import { isUnpacked, placeIn } from './known.ts'
import type { Known } from './known.ts'
import { byAge, list, LOOKS } from './listing.ts'
import type { Entry } from './listing.ts'
import type { Place } from './place.ts'
import { openSource } from './source.ts'
import type { Source } from './source.ts'

/** A file to begin. */
export interface Next {
  readonly source: Source
  /** Where it was left before. */
  readonly place?: Place | undefined
  /** It was left at its end, and somebody has written to it since. */
  readonly isLate: boolean
}

/**
 * Finds the file that contains a position: the one at the path, the same file under another name (rename), or a copy
 * of it (copytruncate).
 */
export async function locate(path: string, place: Place, known: Known): Promise<Source | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const { own, rotated, others } = await list(path)
    // Two matching lines are sufficient proof only among the rotations of this file. A first line that is always the
    // same
    // proves nothing if a file was left before.
    const same = [...own, ...rotated, ...others].filter(({ id }) => isSameFile(id, place.file))
    for (const entry of [...same, ...rotated.filter((copy) => !same.includes(copy))]) {
      if (!same.includes(entry) && (await placeIn(entry, known)) !== undefined) continue
      const source = await openSource(entry.path).catch(() => undefined)
      if (source === undefined) continue
      if (isSameFile(source.id, entry.id) && (await source.isIntact(place.prints, place.offset)))
        return source
      await source.close()
    }
  }
  return undefined
}

/**
 * Opens the next file to begin: the oldest rotated file that is not known, or, if there is none, the one at the
 * path. Returns undefined while that is empty, since the writer may not have left the old file yet. When there is a
 * next file, files that were written to after they were left come before it.
 *
 * @param except the file that is being read after it had been left: it is not begun again
 */
export async function openNext(
  path: string,
  known: Known,
  except: readonly FileId[] = [],
): Promise<Next | undefined> {
  for (;;) {
    const next = await findNext(path, known, except)
    if (next === undefined) return undefined
    const { entry, place, isLate } = next
    const source = await openSource(entry.path)
    // A rotation between the two looks renames the files: the file at the path would be too new by one.
    const again = await findNext(path, known, except)
    if (source !== undefined && again !== undefined) {
      if (isSameFile(source.id, entry.id) && isSameFile(source.id, again.entry.id))
        return { source, place, isLate }
    }
    await source?.close()
  }
}

interface Found extends Omit<Next, 'source'> {
  readonly entry: Entry
}

async function findNext(path: string, known: Known, except: readonly FileId[]): Promise<Found | undefined> {
  const { own, rotated } = await list(path)
  const [atPath] = own
  let late: Found | undefined
  for (const entry of [...rotated.toSorted(byAge), ...own]) {
    if (entry.size === 0 || except.some((id) => isSameFile(entry.id, id))) continue
    const place = await placeIn(entry, known)
    if (entry === atPath) return late ?? { entry, place, isLate: false }
    if (place !== undefined) {
      if (entry.size > place.offset) late ??= { entry, place, isLate: true }
    } else if (!isUnpacked(entry, known) && !(atPath !== undefined && (await isStartOf(entry, atPath)))) {
      return late ?? { entry, isLate: false }
    }
  }
  return undefined
}

/**
 * Whether a file is the beginning of another. copytruncate copies before it truncates; until then, the copy must not
 * be treated as a file before the original.
 */
async function isStartOf(copy: Entry, original: Entry): Promise<boolean> {
  // The copy is the younger one. Programs that exit at once leave files that are all equal.
  if (copy.birth > 0n && copy.birth < original.birth) return false
  const [start, whole] = await Promise.all([openSource(copy.path), openSource(original.path)])
  try {
    if (start === undefined || whole === undefined) return false
    const ends = await start.ends()
    return await whole.isIntact(ends, 0)
  } finally {
    await Promise.all([start?.close(), whole?.close()])
  }
}
