import type { Declaration, Directive, Statement } from 'oxc-parser'
import type { Module } from './module.ts'
import { readModule, resolveModule } from './module.ts'

/** A named declaration, in the file that contains it. */
export interface Declared {
  readonly name: string
  readonly module: Module
  readonly node: Declaration
}

/**
 * Every public name of an entry, with its declarations: a function may have several signatures, and a name may be both
 * a type and a value.
 */
export function exportsOf(path: string): Map<string, readonly Declared[]> {
  const module = readModule(path)
  const found = new Map<string, readonly Declared[]>()
  for (const statement of module.statements) {
    if (statement.type === 'ExportAllDeclaration') {
      throw new Error(`${path}: \`export *\` hides what is public`)
    }
    if (statement.type !== 'ExportNamedDeclaration') continue
    if (statement.declaration !== null) {
      for (const name of namesOf(statement.declaration)) found.set(name, declarationsOf(module, name))
    }
    for (const specifier of statement.specifiers) {
      const local = textOf(specifier.local)
      const exported = textOf(specifier.exported)
      const source = statement.source?.value
      const target = source === undefined ? path : resolveModule(path, source)
      if (target === undefined) throw new Error(`${path}: ${exported} comes from outside the repository`)
      found.set(exported, findDeclared(target, local))
    }
  }
  return found
}

/** The declarations of a name that is used in a file, wherever they are. Empty if it is not one of the repository's. */
export function findDeclared(path: string, name: string): readonly Declared[] {
  const module = readModule(path)
  const own = declarationsOf(module, name)
  if (own.length > 0) return own
  for (const statement of module.statements) {
    const origin = originOf(statement, name)
    if (origin === undefined) continue
    const target = resolveModule(path, origin.source)
    return target === undefined ? [] : findDeclared(target, origin.name)
  }
  return []
}

function declarationsOf(module: Module, name: string): readonly Declared[] {
  return module.statements.flatMap((statement) => {
    const node = declarationOf(statement)
    return node !== undefined && namesOf(node).includes(name) ? { name, module, node } : []
  })
}

function declarationOf(statement: Directive | Statement): Declaration | undefined {
  if (statement.type === 'ExportNamedDeclaration') return statement.declaration ?? undefined
  return /Declaration$|DeclareFunction$/.test(statement.type) && !/^(Im|Ex)port/.test(statement.type)
    ? (statement as Declaration)
    : undefined
}

function namesOf(node: Declaration): string[] {
  if (node.type === 'VariableDeclaration') {
    return node.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? id.name : []))
  }
  return 'id' in node && node.id?.type === 'Identifier' ? [node.id.name] : []
}

/** Where an import or a re-export has a name from. */
function originOf(statement: Directive | Statement, name: string) {
  if (statement.type === 'ImportDeclaration') {
    for (const specifier of statement.specifiers) {
      if (specifier.type === 'ImportSpecifier' && specifier.local.name === name) {
        return { source: statement.source.value, name: textOf(specifier.imported) }
      }
    }
  }
  if (statement.type === 'ExportNamedDeclaration' && statement.source !== null) {
    for (const specifier of statement.specifiers) {
      if (textOf(specifier.exported) === name) {
        return { source: statement.source.value, name: textOf(specifier.local) }
      }
    }
  }
  return undefined
}

function textOf(name: { readonly name: string } | { readonly value: string }): string {
  return 'name' in name ? name.name : name.value
}
