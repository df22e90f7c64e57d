import { statSync } from 'node:fs'

/** Which file it is, whatever its name; nothing when there is none. */
export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
