import type { Profiler } from 'node:inspector'

/** What does not run on behalf of anything, or is the profiler itself. */
const LEFT_OUT: ReadonlySet<string> = new Set(['(idle)', 'post'])
const BY_NAME: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code: reads, event loop',
  writeLatin1String: 'write to the socket',
  writeUtf8String: 'write to the socket',
  writeBuffer: 'write to the socket',
  postMessage: 'hand-off to the thread of the log',
}

/** The share of each part of the program in a profile, largest first. */
export function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])))
  const micros = new Map<string, number>()
  let total = 0
  for (const [i, id] of samples.entries()) {
    const { functionName, url } = byId.get(id)!.callFrame
    if (LEFT_OUT.has(functionName) && !url.startsWith('file:')) continue
    const delta = timeDeltas[i]!
    const part = partOf(id)
    micros.set(part, (micros.get(part) ?? 0) + delta)
    total += delta
  }
  const sorted = [...micros].toSorted(([, a], [, b]) => b - a)
  return new Map(sorted.map(([part, spent]) => [part, spent / total]))

  function partOf(id: number): string {
    const { functionName, url } = byId.get(id)!.callFrame
    const [, name] = /\/packages\/([a-z-]+)\/src\//.exec(url) ?? []
    if (name !== undefined) return `packages/${name}`
    if (url.startsWith('node:internal/worker')) return BY_NAME['postMessage']!
    if (/^node:(?:net|internal\/streams|internal\/stream_base)/.test(url)) return 'node:net and streams'
    if (/^node:(?:_http|internal\/http)/.test(url)) return 'node:http'
    if (url.startsWith('node:')) return 'other modules of Node'
    // A builtin counts for what called it.
    const parent = parents.get(id)
    return BY_NAME[functionName] ?? (parent === undefined ? 'other' : partOf(parent))
  }
}
