/** Whether a selector (spec/protocol.md, 1.2) selects a topic: `*` is one segment, a final `**` any number of them. */
export function selects(selector: string, topic: string): boolean {
  const segments = topic.split('/')
  const wanted = selector.split('/')
  const isOpen = wanted.at(-1) === '**'
  if (isOpen) wanted.pop()
  if (isOpen ? segments.length < wanted.length : segments.length !== wanted.length) return false
  return wanted.every((one, i) => one === '*' || one === segments[i])
}
