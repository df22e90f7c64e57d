import { readdirSync, readFileSync } from 'node:fs'

/** The kernel's USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100
const KIB = 1024
/** A state in /proc/net/tcp. */
const LISTENS = '0A'

/** CPU time that the processes have used so far, user and system, in microseconds. */
export function cpuMicros(pids: readonly number[]): number {
  return sumOf(pids, (fields) => Number(fields[11]) + Number(fields[12]))
}

/** The part of it that they spent in the kernel. */
export function kernelMicros(pids: readonly number[]): number {
  return sumOf(pids, (fields) => Number(fields[12]))
}

function sumOf(pids: readonly number[], ticksOf: (fields: readonly string[]) => number): number {
  let ticks = 0
  for (const pid of pids) {
    const fields = stat(pid)
    if (fields !== undefined) ticks += ticksOf(fields)
  }
  return (ticks * 1e6) / TICKS_PER_SECOND
}

/**
 * Begins to count the CPU time of the processes, and returns what reads it, in microseconds. It is exact to the
 * nanosecond, for loads that are small compared with a tick of {@link cpuMicros}, but leaves out threads that end.
 */
export function countCpu(pids: readonly number[]): () => number {
  const before = threadNanos(pids)
  return () => {
    let nanos = 0
    for (const [thread, now] of threadNanos(pids)) nanos += now - (before.get(thread) ?? 0)
    return nanos / 1000
  }
}

function threadNanos(pids: readonly number[]): Map<string, number> {
  const nanos = new Map<string, number>()
  for (const pid of pids) {
    for (const thread of list(`/proc/${pid}/task`)) {
      const schedule = read(`/proc/${pid}/task/${thread}/schedstat`)
      if (schedule !== undefined) nanos.set(thread, Number(schedule.split(' ', 1)[0]))
    }
  }
  return nanos
}

/** Memory of the kernel's own objects, connections among them. */
export function slabBytes(): number {
  return kernelKib('Slab') * KIB
}

/** All memory that the kernel uses for processes and connections: its objects, page tables and stacks. */
export function kernelBytes(): number {
  return (kernelKib('Slab') + kernelKib('PageTables') + kernelKib('KernelStack')) * KIB
}

function kernelKib(name: string): number {
  const line = (read('/proc/meminfo') ?? '').split('\n').find((text) => text.startsWith(`${name}:`))
  return Number(line?.split(/\s+/)[1] ?? 0)
}

/** How many sockets listen on a port: one for each process that shares it. */
export function listeners(port: number): number {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const text = `${read('/proc/net/tcp') ?? ''}\n${read('/proc/net/tcp6') ?? ''}`
  const rows = text.split('\n').map((line) => line.trim().split(/\s+/))
  return rows.filter(([, local = '', , state]) => local.endsWith(end) && state === LISTENS).length
}

/** How many files a process may open. */
export function fileLimit(): number {
  const line = (read('/proc/self/limits') ?? '').split('\n').find((text) => text.startsWith('Max open files'))
  // The name, which has spaces, then the soft limit and the hard one, up to which every server raises its own.
  return Number(line?.slice('Max open files'.length).trim().split(/\s+/)[1] ?? Number.NaN)
}

/** CPU time that everything on the machine has used so far, in microseconds. */
export function machineCpuMicros(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (read('/proc/stat') ?? '')
    .split('\n', 1)
    .join('')
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return ((user + nice + system + irq + softirq) * 1e6) / TICKS_PER_SECOND
}

/** Resident memory. Pages that several processes share are divided among them, so that they are counted once. */
export function residentBytes(pids: readonly number[]): number {
  let bytes = 0
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    bytes += Number(/^Pss:\s+(\d+) kB/m.exec(rollup ?? '')?.[1] ?? 0) * KIB
  }
  return bytes
}

/** A process and all its descendants. */
export function processTree(root: number): number[] {
  const children = childrenByParent()
  const pids = [root]
  for (const pid of pids) pids.push(...(children.get(pid) ?? []))
  return pids
}

export function childrenOf(pid: number): readonly number[] {
  return childrenByParent().get(pid) ?? []
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const parent = Number(stat(Number(name))?.[1])
    const siblings = children.get(parent)
    if (siblings === undefined) children.set(parent, [Number(name)])
    else siblings.push(Number(name))
  }
  return children
}

/** The fields of /proc/PID/stat from the third one, the state, on. The second may contain spaces and parentheses. */
function stat(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`)
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // The process is gone.
    return []
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process is gone.
    return undefined
  }
}
