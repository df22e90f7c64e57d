/** A tree of selectors by their segments. */
interface Node {
  readonly children: Map<string, Node>
  /** A selector ends here. */
  isEnd: boolean
  /** A selector ends here in `**`. */
  isOpen: boolean
}

/**
 * Returns a function that tells whether one of some valid selectors covers another one, that is, selects everything
 * that the other can ever select: `orders/**` covers `orders/*`. A topic is covered by the selectors that match it.
 * The cost of a call depends on the segments of its argument, not on the number of selectors.
 */
export function coveredBy(selectors: readonly string[]): (other: string) => boolean {
  const root = createNode()
  for (const selector of selectors) {
    let node = root
    for (const segment of selector.split('/')) {
      if (segment === '**') node.isOpen = true
      else node = childOf(node, segment)
    }
    if (!selector.endsWith('**')) node.isEnd = true
  }
  return (other) => isCovered(root, other.split('/'), 0)
}

function isCovered(node: Node, segments: readonly string[], at: number): boolean {
  if (node.isOpen) return true
  const segment = segments[at]
  if (segment === undefined) return node.isEnd
  // Only a wildcard covers what a `*` or a `**` may stand for, and only `**` covers `**`.
  const next = segment === '**' ? [] : segment === '*' ? ['*'] : [segment, '*']
  return next.some((name) => {
    const child = node.children.get(name)
    return child !== undefined && isCovered(child, segments, at + 1)
  })
}

function childOf(node: Node, segment: string): Node {
  let child = node.children.get(segment)
  if (child === undefined) node.children.set(segment, (child = createNode()))
  return child
}

function createNode(): Node {
  return { children: new Map(), isEnd: false, isOpen: false }
}
