import type { Node } from 'oxc-parser'
import type { Doc } from './doc-comment.ts'
import { docBefore } from './doc-comment.ts'
import type { Declared } from './exported.ts'
import type { Module } from './module.ts'
import { childrenOf, isHidden } from './signature.ts'

/** A property or method that has a doc comment. */
export interface Member {
  /** What it is called in the text: `heartbeatMs`, `publish(topic, event)`, `status.retryAfter`. */
  readonly label: string
  readonly doc: Doc
}

/** The members of a declaration, those of types inside it included. */
export function membersOf({ module, node }: Declared): readonly Member[] {
  return childrenOf(node).flatMap((child) => membersIn(module, child, ''))
}

function membersIn(module: Module, node: Node, prefix: string): Member[] {
  if (isHidden(node) || node.type === 'BlockStatement') return []
  const label = labelOf(module, node)
  const inside = (name: string): Member[] =>
    childrenOf(node).flatMap((child) => membersIn(module, child, name))
  if (label === undefined) return inside(prefix)
  const doc = docBefore(module, node.start)
  const name = `${prefix}${label}`
  const own = doc === undefined ? [] : [{ label: name, doc }]
  return [...own, ...inside(`${name.replace(/\(.*/, '')}.`)]
}

function labelOf({ source }: Module, node: Node): string | undefined {
  if (node.type === 'TSMethodSignature') return called(node.key, node.params)
  if (node.type === 'MethodDefinition') {
    const isStatic = node.static ? 'static ' : ''
    if (node.kind === 'constructor') return `new (${named(node.value.params)})`
    const key = source.slice(node.key.start, node.key.end)
    return isStatic + (node.kind === 'method' ? called(node.key, node.value.params) : key)
  }
  if (node.type === 'TSPropertySignature' || node.type === 'PropertyDefinition') {
    return source.slice(node.key.start, node.key.end).replaceAll("'", '')
  }
  if (node.type === 'TSConstructSignatureDeclaration') return `new (${named(node.params)})`
  return node.type === 'TSCallSignatureDeclaration' ? `(${named(node.params)})` : undefined

  function called(key: Node, params: readonly Node[]): string {
    return `${source.slice(key.start, key.end)}(${named(params)})`
  }

  function named(params: readonly Node[]): string {
    return params.map(nameOf).join(', ')
  }

  function nameOf(param: Node): string {
    if (param.type === 'Identifier') return param.name
    if (param.type === 'AssignmentPattern') return nameOf(param.left)
    return param.type === 'RestElement' ? `...${nameOf(param.argument)}` : 'options'
  }
}
