import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { idOf, isSameFile } from './file-id.ts'
import type { FileId } from './file-id.ts'
import { statFile } from './source.ts'

/** The names that rotation produces: app.log.1, app.log-20261120, app.log.2026-11-20. */
const ROTATED = /^[.-][0-9][0-9T:._-]*$/
const COMPRESSED = /^[.-][0-9][0-9T:._-]*\.(?:gz|bz2|xz|zst)$/

/**
 * Number of times to read the folder before giving up: while files are being renamed, one reading may not show all
 * of them.
 */
export const LOOKS = 3

export interface Entry {
  readonly path: string
  readonly id: FileId
  readonly size: number
  /** When it was created, in nanoseconds since 1970. 0 if unknown. */
  readonly birth: bigint
}

/** The relevant content of the folder of a file. */
export interface Listing {
  /** The file at the path, if there is one. */
  readonly own: readonly Entry[]
  readonly rotated: readonly Entry[]
  readonly compressed: readonly Entry[]
  readonly others: readonly Entry[]
}

export async function list(path: string): Promise<Listing> {
  const [folder, base] = [dirname(path), basename(path)]
  // Before the folder: if the file is rotated in between, it is then seen twice rather than missed.
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

/** Combines several readings of the folder, with each file once. */
export async function listAll(path: string): Promise<Omit<Listing, 'others'>> {
  const all = { own: [] as Entry[], rotated: [] as Entry[], compressed: [] as Entry[] }
  for (let look = 0; look < LOOKS; look += 1) {
    const listing = await list(path)
    for (const kind of ['own', 'rotated', 'compressed'] as const) {
      all[kind] = [
        ...all[kind].filter(({ id }) => !listing[kind].some((entry) => isSameFile(entry.id, id))),
        ...listing[kind],
      ]
    }
  }
  return all
}

/** Oldest first: by the time of the last write, and if that is equal, by name. */
export function byAge(a: Entry, b: Entry): number {
  const [first, second] = [BigInt(a.id.mtime), BigInt(b.id.mtime)]
  if (first !== second) return first < second ? -1 : 1
  const [one, other] = [numberOf(a), numberOf(b)]
  if (one !== undefined && other !== undefined) return other - one
  return a.path < b.path ? -1 : 1
}

/** The name of a compressed file before it was compressed. */
export function plainPathOf({ path }: Entry): string {
  return path.slice(0, path.lastIndexOf('.'))
}

/** The number in app.log.12, which grows with age. A date does not. */
function numberOf({ path }: Entry): number | undefined {
  const digits = /[.-]([0-9]{1,4})$/.exec(path)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

async function entryAt(path: string): Promise<Entry[]> {
  const stats = await statFile(path)
  return stats === undefined
    ? []
    : [{ path, id: idOf(stats), size: Number(stats.size), birth: stats.birthtimeNs }]
}
