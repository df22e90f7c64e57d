import { open, readFile, rename } from 'node:fs/promises'
import { FollowError } from './follow-error.ts'
import type { Print } from './print.ts'

/** What a file is known by when it is renamed. Decimal, since an inode number may not fit a double. */
export interface FileId {
  readonly dev: string
  readonly ino: string
  /** When it was last written, in nanoseconds since 1970: what tells the files after it from those before. */
  readonly mtime: string
}

/** How far a topic has got in a file. */
export interface Place {
  readonly topic: string
  /** Minted for each file. With the offset of a line, it makes the line's idempotency key. */
  readonly generation: string
  readonly file: FileId
  /**
   * How the file begins, and the last line before the offset: inode numbers are used again, and copytruncate
   * uses the inode itself again. Without the line until the first is about to be published.
   */
  readonly prints: readonly Print[]
  /** Every line before this byte is acknowledged by the hub. */
  readonly offset: number
  /** The offset is inside a line that is too long. */
  readonly isSkipping: boolean
}

const VERSION = 1

/**
 * Reads where a follower stopped; nothing when it never ran.
 *
 * @throws FollowError when the file is something else, or belongs to another topic
 */
export async function loadPlace(path: string, topic: string): Promise<Place | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new FollowError(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  const { version, ...place } = parse(text)
  if (version !== VERSION) {
    throw new FollowError(
      `${path} is not the state of a follower: name another with --state, or remove it to begin at the start`,
    )
  }
  // Its lines up to the offset would never come to the other topic.
  if (place.topic !== topic) {
    throw new FollowError(`${path} keeps the place of the topic ${place.topic}: name another with --state`)
  }
  return place
}

/** Replaces the saved place, so that a crash leaves the old or the new one, whole. */
export async function savePlace(path: string, place: Place): Promise<void> {
  const temporary = temporaryOf(path)
  try {
    {
      await using handle = await open(temporary, 'w')
      await handle.writeFile(`${JSON.stringify({ version: VERSION, ...place })}\n`)
      await handle.sync()
    }
    await rename(temporary, path)
  } catch (error) {
    throw new FollowError(`${path} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}

/** Where a place is written before it replaces the saved one. */
export function temporaryOf(path: string): string {
  return `${path}.tmp`
}

function parse(text: string): Place & { version?: unknown } {
  try {
    // `null` and the like have no version either.
    return Object(JSON.parse(text)) as Place & { version?: unknown }
  } catch {
    return Object({}) as Place
  }
}
