import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FollowError } from './follow-error.ts'
import type { Known } from './known.ts'
import type { Place } from './place.ts'
import { toKnown, toPlace } from './saved.ts'

/** How far a topic has got. */
export interface State {
  readonly topic: string
  readonly place: Place
  readonly known: Known
}

const VERSION = 2

/**
 * Reads where a follower stopped. Undefined if it never ran. A state of version 1 does not list other known files.
 *
 * @throws FollowError if the file is something else, or belongs to another topic
 */
export async function loadState(
  path: string,
  topic: string,
): Promise<(Omit<State, 'known'> & Partial<Pick<State, 'known'>>) | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new FollowError(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  const saved = parse(text)
  const { version } = saved
  const [place, known] = [toPlace(saved), toKnown(saved['known'])]
  const isWhole = (version === VERSION && known !== undefined) || version === 1
  if (!isWhole || place === undefined || place.prints.length === 0 || typeof saved['topic'] !== 'string') {
    throw new FollowError(
      `${path} is not a state file of --follow: choose another with --state, or delete it to start from the beginning`,
    )
  }
  // The lines before the offset would never reach the other topic.
  if (saved['topic'] !== topic) {
    throw new FollowError(
      `${path} belongs to the topic ${saved['topic']}: choose another state file with --state`,
    )
  }
  return known === undefined ? { topic, place } : { topic, place, known }
}

/** Replaces the saved state. It is on disk when this resolves. A crash before that leaves the complete old one. */
export async function saveState(path: string, { topic, place, known }: State): Promise<void> {
  const temporary = temporaryOf(path)
  try {
    {
      await using handle = await open(temporary, 'w')
      await handle.writeFile(`${JSON.stringify({ version: VERSION, topic, ...place, known })}\n`)
      await handle.sync()
    }
    await rename(temporary, path)
    await using folder = await open(dirname(path))
    await folder.sync()
  } catch (error) {
    throw new FollowError(`${path} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}

/** Where a state is written before it replaces the saved one. */
export function temporaryOf(path: string): string {
  return `${path}.tmp`
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    // `null` and the like have no version either.
    return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
