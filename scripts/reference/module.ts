import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Comment, Directive, Statement } from 'oxc-parser'
import { parseSync } from 'oxc-parser'
import { ROOT } from './packages.ts'
import type { Manifest } from './packages.ts'

/** A source file, parsed. */
export interface Module {
  readonly path: string
  readonly source: string
  readonly statements: readonly (Directive | Statement)[]
  readonly comments: readonly Comment[]
}

const modules = new Map<string, Module>()

export function readModule(path: string): Module {
  let module = modules.get(path)
  if (module === undefined) {
    const source = readFileSync(path, 'utf8')
    const { program, comments } = parseSync(path, source, { astType: 'ts' })
    modules.set(path, (module = { path, source, statements: program.body, comments }))
  }
  return module
}

/** The file that a specifier means, or undefined if it is not one of this repository. */
export function resolveModule(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return join(dirname(from), specifier)
  const [, name, entry = ''] = /^@tailrace\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? []
  if (name === undefined) return undefined
  const folder = join(ROOT, 'packages', name)
  if (!existsSync(folder)) return undefined
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const source = exports[entry === '' ? '.' : `./${entry}`]
  return typeof source === 'object' ? join(folder, source['@tailrace/source']) : undefined
}
