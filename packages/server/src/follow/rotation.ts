import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { idOf, isSameFile, openSource, statFile } from './source.ts'
import type { Source } from './source.ts'
import type { FileId, Place } from './state.ts'

/** What rotation makes of a name: app.log.1, app.log-20261120, app.log.2026-11-20. */
const ROTATED = /^[.-][0-9][0-9T:._-]*$/
const COMPRESSED = /^[.-][0-9][0-9T:._-]*\.(?:gz|bz2|xz|zst)$/

/** Looks before a search gives up: a folder that is read while files are renamed in it may not show them all. */
const LOOKS = 3

interface Entry {
  readonly path: string
  readonly id: FileId
  readonly isEmpty: boolean
}

/**
 * Finds the file in which a place is: the one at the path, the same under another name (rename), or a
 * copy of it (copytruncate).
 */
export async function locate(path: string, place: Place): Promise<Source | undefined> {
  for (let look = 0; look < LOOKS; look += 1) {
    const { own, rotated, others } = await list(path)
    const known = [...own, ...rotated, ...others].filter(({ id }) => isSameFile(id, place.file))
    // Two lines at their places are proof enough among the file's own rotations only.
    const copies = rotated.filter(({ id }) => !isSameFile(id, place.file))
    for (const entry of [...known, ...copies]) {
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
 * Opens the first file to begin, after a place: the oldest that rotation has made since, else the one at the
 * path. Nothing while there is none with a byte in it: whoever writes may not have left the old one yet.
 *
 * @param current what is being read, which is not begun again
 */
export async function openNext(
  path: string,
  place: Place | undefined,
  current?: Source,
): Promise<Source | undefined> {
  for (;;) {
    const next = await findNext(path, place, current)
    if (next === undefined) return undefined
    const source = await openSource(next.path)
    // A rotation between the two looks moves the names: the file at the path would be one too new.
    const again = await findNext(path, place, current)
    if (source !== undefined && again !== undefined) {
      if (isSameFile(source.id, next.id) && isSameFile(source.id, again.id)) return source
    }
    await source?.close()
  }
}

/** What was rotated after a place and compressed since: it is not read. */
export async function listCompressed(path: string, place: Place): Promise<readonly string[]> {
  const { compressed } = await list(path)
  return compressed.filter(({ id }) => isAfter(id, place.file)).map((entry) => entry.path)
}

async function findNext(
  path: string,
  place: Place | undefined,
  current: Source | undefined,
): Promise<Entry | undefined> {
  const { own, rotated } = await list(path)
  const [atPath] = own
  const unread = rotated
    .filter(({ id }) => place !== undefined && (isAfter(id, place.file) || isSameFile(id, place.file)))
    .toSorted((a, b) => (isAfter(a.id, b.id) ? 1 : -1))
  for (const entry of [...unread, ...own]) {
    if (entry.isEmpty || (current !== undefined && isSameFile(entry.id, current.id))) continue
    if (entry === atPath || atPath === undefined || !(await isStartOf(entry, atPath))) return entry
  }
  return undefined
}

/**
 * Whether a file is the start of another: copytruncate copies before it truncates. Until then the copy is nothing
 * that comes before the original.
 */
async function isStartOf(copy: Entry, original: Entry): Promise<boolean> {
  const [start, whole] = await Promise.all([openSource(copy.path), openSource(original.path)])
  try {
    if (start === undefined || whole === undefined) return false
    const ends = await start.ends()
    return await whole.isIntact(ends, 0)
  } finally {
    await Promise.all([start?.close(), whole?.close()])
  }
}

function isAfter(a: FileId, b: FileId): boolean {
  return BigInt(a.mtime) > BigInt(b.mtime)
}

interface Listing {
  /** The file at the path, or none. */
  readonly own: readonly Entry[]
  readonly rotated: readonly Entry[]
  readonly compressed: readonly Entry[]
  readonly others: readonly Entry[]
}

async function list(path: string): Promise<Listing> {
  const [folder, base] = [dirname(path), basename(path)]
  // Before the folder: a file that is rotated in between is then seen twice, and not missed.
  const own = await entryAt(path)
  const listing = { rotated: [] as Entry[], compressed: [] as Entry[], others: [] as Entry[] }
  for (const name of await readdir(folder).catch(() => [])) {
    if (name === base) continue
    const suffix = name.startsWith(base) ? name.slice(base.length) : ''
    const kind = ROTATED.test(suffix) ? 'rotated' : COMPRESSED.test(suffix) ? 'compressed' : 'others'
    listing[kind].push(...(await entryAt(join(folder, name)).catch(() => [])))
  }
  return { own, ...listing }
}

async function entryAt(path: string): Promise<Entry[]> {
  const stats = await statFile(path)
  return stats === undefined ? [] : [{ path, id: idOf(stats), isEmpty: stats.size === 0n }]
}
