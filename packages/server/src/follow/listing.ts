import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { idOf, isSameFile } from './file-id.ts'
import type { FileId } from './file-id.ts'
import { statFile } from './source.ts'

/** What rotation makes of a name: app.log.1, app.log-20261120, app.log.2026-11-20. */
const ROTATED = /^[.-][0-9][0-9T:._-]*$/
const COMPRESSED = /^[.-][0-9][0-9T:._-]*\.(?:gz|bz2|xz|zst)$/

/** Looks before a search gives up: a folder that is read while files are renamed in it may not show them all. */
export const LOOKS = 3

export interface Entry {
  readonly path: string
  readonly id: FileId
  readonly size: number
  /** When it was made, in nanoseconds since 1970. 0 where that is not known. */
  readonly birth: bigint
}

/** What is in the folder of a file. */
export interface Listing {
  /** The file at the path, or none. */
  readonly own: readonly Entry[]
  readonly rotated: readonly Entry[]
  readonly compressed: readonly Entry[]
  readonly others: readonly Entry[]
}

export async function list(path: string): Promise<Listing> {
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

/** What is there in one of several looks, each file once. */
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

/** The oldest first: as they were last written and, where that tells nothing, as they are called. */
export function byAge(a: Entry, b: Entry): number {
  const [first, second] = [BigInt(a.id.mtime), BigInt(b.id.mtime)]
  if (first !== second) return first < second ? -1 : 1
  const [one, other] = [numberOf(a), numberOf(b)]
  if (one !== undefined && other !== undefined) return other - one
  return a.path < b.path ? -1 : 1
}

/** What a compressed file was called before. */
export function plainPathOf({ path }: Entry): string {
  return path.slice(0, path.lastIndexOf('.'))
}

/** The count in app.log.12, which grows with age; a date does not. */
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
