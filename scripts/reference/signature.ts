import type { Class, Declaration, Node } from 'oxc-parser'
import type { Declared } from './exported.ts'

/** A value that is longer than this is not part of a signature. */
const MAX_VALUE_LENGTH = 60
const UNITS = [
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const

interface Span {
  readonly start: number
  readonly end: number
}

interface Cut extends Span {
  /** Written in its place. */
  readonly instead?: string
}

/** A declaration as in a `.d.ts` file: without comments, function bodies, values and what is private. */
export function signatureOf({ name, module, node }: Declared): string {
  const cuts: Cut[] = [...module.comments]
  cut(node)
  return excerpt(module.source, spanOf(node, name), cuts)

  function cut(inner: Node): void {
    for (const child of childrenOf(inner)) {
      if (isHidden(child)) cuts.push(child)
      else if (child.type === 'BlockStatement') cuts.push(child)
      else cut(child)
    }
    if (inner.type === 'PropertyDefinition' && inner.value !== null && inner.typeAnnotation) {
      cuts.push({ start: inner.typeAnnotation.end, end: inner.value.end })
    }
    const asserted = assertedType(inner)
    if (asserted !== undefined && inner.type === 'VariableDeclarator') {
      cuts.push({ start: inner.id.end, end: asserted.start, instead: ': ' })
    } else if (inner.type === 'VariableDeclarator' && inner.init !== null && inner.id.typeAnnotation) {
      const value = module.source.slice(inner.init.start, inner.init.end)
      if (!isPlain(value)) cuts.push({ start: inner.id.end, end: inner.init.end })
    }
  }
}

/** The type of a variable that is only named by an assertion: `value as Type`, but not `as const`. */
function assertedType(node: Node): Node | undefined {
  if (node.type !== 'VariableDeclarator' || node.init?.type !== 'TSAsExpression' || node.id.typeAnnotation)
    return undefined
  const { typeAnnotation } = node.init
  const isConst =
    typeAnnotation.type === 'TSTypeReference' &&
    typeAnnotation.typeName.type === 'Identifier' &&
    typeAnnotation.typeName.name === 'const'
  return isConst ? undefined : typeAnnotation
}

/** The value of a constant in words: `15,000`, `16 MiB`. Undefined if it is not a number. */
export function valueOf({ name, module, node }: Declared): string | undefined {
  if (node.type !== 'VariableDeclaration') return undefined
  const variable = node.declarations.find(({ id }) => id.type === 'Identifier' && id.name === name)
  if (variable === undefined || variable.init === null) return undefined
  const factors = module.source.slice(variable.init.start, variable.init.end).split(' * ')
  const number = factors.reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1)
  if (Number.isNaN(number)) return undefined
  for (const [unit, bytes] of UNITS) {
    if (factors.includes('1024') && number % bytes === 0) return `${number / bytes} ${unit}`
  }
  return number.toLocaleString('en')
}

/** Numbers and their products, and quoted words. */
function isPlain(value: string): boolean {
  return value.length <= MAX_VALUE_LENGTH && /^(?:[\d_]+(?: *\*{1,2} *[\d_]+| - \d)*|'[^']*')$/.test(value)
}

/** A class member that only its own file can use. */
export function isHidden(node: Node): boolean {
  if (node.type === 'StaticBlock') return true
  if (
    node.type !== 'PropertyDefinition' &&
    node.type !== 'MethodDefinition' &&
    node.type !== 'AccessorProperty'
  )
    return false
  return node.accessibility === 'private' || node.key.type === 'PrivateIdentifier' || node.computed
}

/** The names of types and values that a signature mentions, in order. */
export function mentionedIn({ node }: Declared): readonly string[] {
  const names = new Set<string>()
  visit(node)
  return [...names]

  function visit(inner: Node): void {
    if (isHidden(inner) || inner.type === 'BlockStatement') return
    if (inner.type === 'TSTypeReference') note(inner.typeName)
    else if (inner.type === 'TSTypeQuery') note(inner.exprName)
    else if (inner.type === 'TSInterfaceHeritage' || inner.type === 'TSClassImplements')
      note(inner.expression)
    else if (isClass(inner) && inner.superClass !== null) note(inner.superClass)
    if (inner.type === 'PropertyDefinition' && inner.typeAnnotation) {
      for (const child of childrenOf(inner)) if (child !== inner.value) visit(child)
    } else if (inner.type === 'VariableDeclarator') {
      visit(inner.id)
      const asserted = assertedType(inner)
      if (asserted !== undefined) visit(asserted)
    } else for (const child of childrenOf(inner)) visit(child)
  }

  function note(name: Node): void {
    if (name.type === 'Identifier') names.add(name.name)
    else if (name.type === 'TSQualifiedName') note(name.left)
    else if (name.type === 'MemberExpression') note(name.object)
  }
}

export function isClass(node: Node): node is Class {
  return node.type === 'ClassDeclaration'
}

/** Of a statement that declares several names, only the one. */
function spanOf(node: Declaration, name: string): Span {
  if (node.type !== 'VariableDeclaration' || node.declarations.length === 1) return node
  return node.declarations.find(({ id }) => id.type === 'Identifier' && id.name === name) ?? node
}

/** The text between two places, without what is cut, and without the blank lines that this leaves. */
export function excerpt(source: string, { start, end }: Span, cuts: readonly Cut[] = []): string {
  let text = ''
  let at = start
  for (const next of cuts.toSorted((a, b) => a.start - b.start)) {
    if (next.start < at || next.start >= end) continue
    text += source.slice(at, next.start) + (next.instead ?? '')
    at = next.end
  }
  text += source.slice(at, end)
  const lines = text.split('\n').map((line) => line.trimEnd())
  return lines
    .filter((line) => line !== '')
    .join('\n')
    .replaceAll(/^( *)(?:override |async |declare )+/gm, '$1')
}

export function childrenOf(node: Node): Node[] {
  return Object.entries(node).flatMap(([key, value]) =>
    key === 'parent' ? [] : [value].flat().filter((child): child is Node => isNode(child)),
  )
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
