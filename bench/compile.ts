import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const CACHE = join(import.meta.dirname, '../node_modules/.cache/tailrace-bench')

/** The path of a C program of this folder, compiled when its folder's sources are new. */
export function compile(source: string): string {
  const file = join(import.meta.dirname, source)
  const hash = createHash('sha256')
  for (const name of readdirSync(dirname(file)).toSorted()) {
    if (/\.[ch]$/.test(name)) hash.update(readFileSync(join(dirname(file), name)))
  }
  const program = join(CACHE, `${basename(source, '.c')}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return program
  mkdirSync(CACHE, { recursive: true })
  // Renamed into place, so that two that compile at once cannot run half a file.
  const fresh = `${program}.${process.pid}`
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', fresh, file], { stdio: 'inherit' })
  renameSync(fresh, program)
  return program
}
