import { randomUUID } from 'node:crypto'
import { isAfter, isSameFile } from './file-id.ts'
import type { FileId } from './file-id.ts'
import { byAge, listAll, plainPathOf } from './listing.ts'
import type { Entry } from './listing.ts'
import type { Place } from './place.ts'
import { openSource } from './source.ts'

/** What is known of the files that rotation has made: all others are still to be read. */
export interface Known {
  /** Those that were left, and where: at their ends, unless something was written to them later. */
  readonly left: readonly Place[]
  /** Those that were compressed after they were left, or that a notice has told of. */
  readonly compressed: readonly FileId[]
}

/** Takes all that rotation has made for known: at the first run or, for a state that does not tell, until a file. */
export async function survey(path: string, until?: FileId): Promise<Known> {
  const { rotated, compressed } = await listAll(path)
  const isBefore = ({ id }: Entry): boolean =>
    until === undefined || !(isAfter(id, until) || isSameFile(id, until))
  return {
    left: await leaveAll(rotated.filter(isBefore)),
    compressed: compressed.filter(isBefore).map(({ id }) => id),
  }
}

/** Where a file was left. Nothing when it never was, or has been written over since. */
export async function placeIn({ id, path }: Entry, { left }: Known): Promise<Place | undefined> {
  const place = left.find(({ file }) => isSameFile(file, id))
  if (place === undefined) return undefined
  const source = await openSource(path).catch(() => undefined)
  // What cannot be read, or has another name by now, is what it was.
  if (source === undefined) return place
  try {
    const isKept = !isSameFile(source.id, id) || (await source.isIntact(place.prints, place.offset))
    return isKept ? place : undefined
  } finally {
    await source.close()
  }
}

/** Whether a file was unpacked from one that is known: whatever unpacks gives it the time of the archive. */
export function isUnpacked({ id }: Entry, { compressed }: Known): boolean {
  return compressed.some(({ mtime }) => mtime === id.mtime)
}

/**
 * Brings what is known up to date when another file is begun, and finds what was compressed unread.
 *
 * @param last where the reading has got, and whether that is the end of its file
 */
export async function renew(
  path: string,
  known: Known,
  last?: { readonly place: Place; readonly isRead: boolean },
): Promise<{ known: Known; missed: readonly string[] }> {
  const { own, rotated, compressed } = await listAll(path)
  const places = last?.isRead
    ? [...known.left.filter(({ file }) => !isSameFile(file, last.place.file)), last.place]
    : known.left
  const left: Place[] = []
  const gone: FileId[] = []
  for (const place of places) {
    const entry = [...own, ...rotated].find(({ id }) => isSameFile(id, place.file))
    const isKept = entry !== undefined && (await placeIn(entry, { ...known, left: places })) !== undefined
    if (isKept) left.push({ ...place, file: entry.id })
    // The number of its inode may be in use again.
    else gone.push(place.file)
  }
  const unpacked = rotated.filter(
    (entry) => isUnpacked(entry, known) && !left.some(({ file }) => isSameFile(file, entry.id)),
  )

  const isKnown = ({ id }: Entry): boolean => known.compressed.some((file) => isSameFile(file, id))
  // While both are there, it is still being compressed.
  const isPacked = (entry: Entry): boolean => !rotated.some((plain) => plain.path === plainPathOf(entry))
  const fresh = compressed.filter((entry) => !isKnown(entry) && isPacked(entry))
  return {
    known: {
      left: [...left, ...(await leaveAll(unpacked))],
      compressed: compressed.filter((entry) => isKnown(entry) || isPacked(entry)).map(({ id }) => id),
    },
    missed: withoutLeft(fresh, gone, last?.isRead ? undefined : last?.place.file).map((entry) => entry.path),
  }
}

/**
 * The compressed files that are not of one that was left and is gone. Most compressors keep the time of the file;
 * where they do not, numbers decide, the oldest first.
 *
 * @param lost the file in which the place was, and which is told of by itself
 */
function withoutLeft(compressed: readonly Entry[], gone: readonly FileId[], lost?: FileId): readonly Entry[] {
  const candidates = [...gone]
  const others = compressed.toSorted(byAge).filter(({ id }) => {
    const i = candidates.findIndex((file) => hasTimeOf(id, file))
    if (i !== -1) candidates.splice(i, 1)
    return i === -1 && (lost === undefined || !hasTimeOf(id, lost))
  })
  return others.slice(candidates.length)
}

/** Whether a file was given the time of another, in nanoseconds or in something coarser. */
function hasTimeOf({ mtime }: FileId, other: FileId): boolean {
  return mtime.length === other.mtime.length && other.mtime.startsWith(mtime.replace(/0{1,9}$/, ''))
}

/** Places at the ends of files, as if they had been read. */
async function leaveAll(entries: readonly Entry[]): Promise<Place[]> {
  const places: Place[] = []
  for (const { id, path, size } of entries) {
    // One that is empty has nothing by which to tell what it is.
    if (size === 0) continue
    const source = await openSource(path).catch(() => undefined)
    const prints = source !== undefined && isSameFile(source.id, id) ? await source.ends(size) : []
    await source?.close()
    places.push({ generation: randomUUID(), file: id, prints, offset: size, isSkipping: false })
  }
  return places
}
