import { randomUUID } from 'node:crypto'
import { isAfter, isSameFile } from './file-id.ts'
import type { FileId } from './file-id.ts'
import { byAge, listAll, plainPathOf } from './listing.ts'
import type { Entry } from './listing.ts'
import type { Place } from './place.ts'
import { openSource } from './source.ts'

/** The rotated files that have been dealt with. All others are still to be read. */
export interface Known {
  /** Files that were left, and where: at their ends, unless something was written to them later. */
  readonly left: readonly Place[]
  /** Files that were compressed after they were left, or for which a notice was printed. */
  readonly compressed: readonly FileId[]
}

/**
 * Treats all existing rotated files as known: on the first run, or, with a state that does not list them, up to a
 * given file.
 */
export async function survey(path: string, until?: FileId): Promise<Known> {
  const { rotated, compressed } = await listAll(path)
  const isBefore = ({ id }: Entry): boolean =>
    until === undefined || !(isAfter(id, until) || isSameFile(id, until))
  return {
    left: await leaveAll(rotated.filter(isBefore)),
    compressed: compressed.filter(isBefore).map(({ id }) => id),
  }
}

/** Where a file was left. Undefined if it never was, or if it has been overwritten since. */
export async function placeIn({ id, path }: Entry, { left }: Known): Promise<Place | undefined> {
  const place = left.find(({ file }) => isSameFile(file, id))
  if (place === undefined) return undefined
  const source = await openSource(path).catch(() => undefined)
  // A file that cannot be read, or that was renamed meanwhile, is unchanged.
  if (source === undefined) return place
  try {
    const isKept = !isSameFile(source.id, id) || (await source.isIntact(place.prints, place.offset))
    return isKept ? place : undefined
  } finally {
    await source.close()
  }
}

/** Whether a file was unpacked from a known archive: unpacking tools give it the time of the archive. */
export function isUnpacked({ id }: Entry, { compressed }: Known): boolean {
  return compressed.some(({ mtime }) => mtime === id.mtime)
}

/**
 * Updates the known files when another file is begun, and finds those that were compressed before they were read.
 *
 * @param last how far reading has got, and whether that is the end of its file
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
    // Its inode number may be reused.
    else gone.push(place.file)
  }
  const unpacked = rotated.filter(
    (entry) => isUnpacked(entry, known) && !left.some(({ file }) => isSameFile(file, entry.id)),
  )

  const isKnown = ({ id }: Entry): boolean => known.compressed.some((file) => isSameFile(file, id))
  // While both exist, the file is still being compressed.
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
 * The compressed files that do not come from a file that was left and is gone. Most compressors keep the time of the
 * file. For others, the number of files decides, oldest first.
 *
 * @param lost the file that contained the position, which is reported separately
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

/** Whether a file has the same time as another, in nanoseconds or with a coarser resolution. */
function hasTimeOf({ mtime }: FileId, other: FileId): boolean {
  return mtime.length === other.mtime.length && other.mtime.startsWith(mtime.replace(/0{1,9}$/, ''))
}

/** Positions at the ends of files, as if they had been read. */
async function leaveAll(entries: readonly Entry[]): Promise<Place[]> {
  const places: Place[] = []
  for (const { id, path, size } of entries) {
    // An empty file has no content to recognise it by.
    if (size === 0) continue
    const source = await openSource(path).catch(() => undefined)
    const prints = source !== undefined && isSameFile(source.id, id) ? await source.ends(size) : []
    await source?.close()
    places.push({ generation: randomUUID(), file: id, prints, offset: size, isSkipping: false })
  }
  return places
}
