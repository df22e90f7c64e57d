interface Node {
  readonly children: Map<string, Node>
  /** A selector ends here. */
  isEnd: boolean
  /** A selector ends here with `**`. */
  isOpen: boolean
}

/**
 * Combines several selectors into one. The cost of matching a topic depends on its segments, not on the number of
 * selectors.
 */
export class Selection {
  readonly #root: Node = createNode()

  /** @param selectors must be valid */
  constructor(selectors: readonly string[]) {
    for (const selector of selectors) this.#add(selector)
  }

  matches(topic: string): boolean {
    if (this.#root.isOpen) return true
    let nodes: readonly Node[] = [this.#root]
    for (const segment of topic.split('/')) {
      const deeper: Node[] = []
      for (const { children } of nodes) {
        for (const name of [segment, '*']) {
          const child = children.get(name)
          if (child?.isOpen === true) return true
          if (child !== undefined) deeper.push(child)
        }
      }
      if (deeper.length === 0) return false
      nodes = deeper
    }
    return nodes.some(({ isEnd }) => isEnd)
  }

  #add(selector: string): void {
    const segments = selector.split('/')
    const isOpen = segments.at(-1) === '**'
    if (isOpen) segments.pop()
    let node = this.#root
    for (const segment of segments) {
      const child = node.children.get(segment) ?? createNode()
      node.children.set(segment, child)
      node = child
    }
    if (isOpen) node.isOpen = true
    else node.isEnd = true
  }
}

function createNode(): Node {
  return { children: new Map(), isEnd: false, isOpen: false }
}
