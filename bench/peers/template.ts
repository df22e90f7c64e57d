import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Copies a committed configuration file into `dir`, with each `@NAME@` replaced. Returns the copy's path. */
export function fillIn(file: string, dir: string, values: Record<string, string | number>): string {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8').replaceAll(
    /@([A-Z_]+)@/g,
    (_, name: string) => {
      const value = values[name]
      if (value === undefined) throw new Error(`${file} names @${name}@, which has no value`)
      return String(value)
    },
  )
  const copy = join(dir, basename(file))
  writeFileSync(copy, text)
  return copy
}
