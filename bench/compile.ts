import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const CACHE = join(import.meta.dirname, '../node_modules/.cache/tailrace-bench')

/** The path of a C program in this folder, compiled with further options if the sources in its folder are newer. */
export function compile(source: string, options: readonly string[] = []): string {
  const file = join(import.meta.dirname, source)
  const hash = createHash('sha256').update(options.join(' '))
  for (const name of readdirSync(dirname(file)).toSorted()) {
    if (/\.[ch]$/.test(name)) hash.update(readFileSync(join(dirname(file), name)))
  }
  const program = join(CACHE, `${basename(source, '.c')}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return program
  mkdirSync(CACHE, { recursive: true })
  // Renamed into place, so that of two simultaneous compilations neither runs an incomplete file.
  const fresh = `${program}.${process.pid}`
  // Libraries come after what needs them.
  execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', fresh, file, ...options], {
    stdio: 'inherit',
  })
  renameSync(fresh, program)
  return program
}
