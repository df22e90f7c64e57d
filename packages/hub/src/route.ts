import { isPattern } from '@tailrace/log'

interface Node<T> {
  readonly children: Map<string, Node<T>>
  /** Routes of patterns that end here. */
  readonly here: Set<T>
  /** Routes of patterns that end here in `**`. */
  readonly below: Set<T>
}

/**
 * Finds the routes that select a topic. Topics need one lookup in a map. Patterns form a trie over their segments:
 * for each segment of the topic, a match visits the branch of that segment and the branch of `*`. A pattern
 * has few segments and wildcards (`parseSelector`), which bounds how many branches a topic can meet, whatever their number.
 */
export class Router<T> {
  readonly #topics = new Map<string, Set<T>>()
  readonly #patterns: Node<T> = createNode()

  add(selector: string, route: T): void {
    this.#setOf(selector).add(route)
  }

  remove(selector: string, route: T): void {
    if (isPattern(selector)) removePattern(this.#patterns, selector.split('/'), 0, route)
    else {
      const routes = this.#topics.get(selector)
      routes?.delete(route)
      if (routes?.size === 0) this.#topics.delete(selector)
    }
  }

  /** The routes whose selector is this topic. */
  named(topic: string): Iterable<T> {
    return this.#topics.get(topic) ?? []
  }

  /** Every route that selects a topic, each once. */
  match(topic: string): Set<T> {
    const found = new Set(this.#topics.get(topic))
    if (!isBare(this.#patterns)) collect(this.#patterns, topic.split('/'), 0, found)
    return found
  }

  #setOf(selector: string): Set<T> {
    if (!isPattern(selector)) return getOrAdd(this.#topics, selector, () => new Set<T>())
    const segments = selector.split('/')
    const open = segments.at(-1) === '**'
    if (open) segments.pop()
    let node = this.#patterns
    for (const segment of segments) node = getOrAdd(node.children, segment, createNode<T>)
    return open ? node.below : node.here
  }
}

function createNode<T>(): Node<T> {
  return { children: new Map(), here: new Set(), below: new Set() }
}

function isBare<T>({ children, here, below }: Node<T>): boolean {
  return children.size === 0 && here.size === 0 && below.size === 0
}

function collect<T>(node: Node<T>, segments: readonly string[], depth: number, found: Set<T>): void {
  for (const route of node.below) found.add(route)
  if (depth === segments.length) {
    for (const route of node.here) found.add(route)
    return
  }
  const named = node.children.get(segments[depth]!)
  if (named !== undefined) collect(named, segments, depth + 1, found)
  const any = node.children.get('*')
  if (any !== undefined) collect(any, segments, depth + 1, found)
}

/** Removes a route, and the branch that is empty without it. */
function removePattern<T>(node: Node<T>, segments: readonly string[], depth: number, route: T): void {
  const segment = segments[depth]
  if (segment === undefined) node.here.delete(route)
  else if (segment === '**') node.below.delete(route)
  else {
    const child = node.children.get(segment)
    if (child === undefined) return
    removePattern(child, segments, depth + 1, route)
    if (isBare(child)) node.children.delete(segment)
  }
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
