import { docBefore } from './doc-comment.ts'
import type { Declared } from './exported.ts'
import { exportsOf } from './exported.ts'
import { membersOf } from './members.ts'
import { DOCUMENTED, readPackage } from './packages.ts'
import type { Entry, Package } from './packages.ts'
import { isClass } from './signature.ts'

export const KINDS = ['Functions', 'Classes', 'Types', 'Constants'] as const
type Kind = (typeof KINDS)[number]

/** A public name of a package. */
export interface Export {
  readonly name: string
  readonly kind: Kind
  readonly declared: readonly Declared[]
}

/** What one entry of a package exports. */
export interface Part extends Entry {
  readonly exports: readonly Export[]
}

export interface Documented extends Package {
  readonly parts: readonly Part[]
}

/** All documented packages with their exports, by kind and then by name. */
export function readCatalog(): readonly Documented[] {
  return DOCUMENTED.map(readPackage).map((one) => ({ ...one, parts: partsOf(one) }))
}

/** A name that several entries export is explained with the first. */
function partsOf({ entries }: Package): Part[] {
  const seen = new Set<unknown>()
  return entries.map((entry) => {
    const all = [...exportsOf(entry.path)].map(([name, declared]) => ({
      name,
      kind: kindOf(declared),
      declared,
    }))
    const exports = all.filter(({ declared }) => declared.every(({ node }) => !seen.has(node)))
    for (const { declared } of exports) for (const { node } of declared) seen.add(node)
    return { ...entry, exports: exports.toSorted(inOrder) }
  })
}

function kindOf(declared: readonly Declared[]): Kind {
  const types = declared.map(({ node }) => node.type)
  if (types.some((type) => /Function/.test(type))) return 'Functions'
  if (declared.some(({ node }) => isClass(node))) return 'Classes'
  return types.every((type) => type === 'VariableDeclaration') ? 'Constants' : 'Types'
}

function inOrder(a: Export, b: Export): number {
  return KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || a.name.localeCompare(b.name, 'en')
}

/** Public names that no doc comment explains, neither of the name nor of one of its members. */
export function unexplained(): string[] {
  return readCatalog().flatMap(({ parts }) =>
    parts.flatMap(({ specifier, exports }) => {
      const bare = exports.filter(({ declared }) => !declared.some(isExplained))
      return bare.map(({ name }) => `${specifier}: ${name}`)
    }),
  )
}

function isExplained(one: Declared): boolean {
  return docBefore(one.module, one.node.start) !== undefined || membersOf(one).length > 0
}
