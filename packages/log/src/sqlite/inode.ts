import { statSync } from 'node:fs'

/** Identifies a file regardless of its name. Undefined if there is none. */
export function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
