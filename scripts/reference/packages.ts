import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** The packages that applications import, in the order of the reference. */
export const DOCUMENTED = ['hub', 'http', 'log', 'client', 'topics', 'llm', 'mcp'] as const

/** Exported for other packages of the repository. Not a public API. */
const INTERNAL = new Set(['@tailrace/log/sqlite'])

export interface Manifest {
  readonly name: string
  readonly description: string
  readonly exports: Readonly<Record<string, string | { readonly '@tailrace/source': string }>>
}

/** What an application writes in `import … from`, and the source file behind it. */
export interface Entry {
  readonly specifier: string
  readonly path: string
}

export interface Package {
  /** Its folder, and the name of its page. */
  readonly folder: string
  readonly name: string
  readonly description: string
  readonly entries: readonly Entry[]
}

export function readPackage(folder: string): Package {
  const root = join(ROOT, 'packages', folder)
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  const { name, description } = manifest
  const entries = Object.entries(manifest.exports).flatMap(([subpath, target]) => {
    if (typeof target === 'string') return []
    const specifier = join(name, subpath)
    const path = join(root, target['@tailrace/source'])
    return existsSync(path) && !INTERNAL.has(specifier) ? { specifier, path } : []
  })
  return { folder, name, description, entries }
}
