import { number, table } from '../report.ts'
import { medianOf, type Results } from '../results.ts'

/** Descriptors that a hub keeps for other things than connections. */
const RESERVED_FILES = 64
/** What a hub reckons with for a connection, which may be slow, when it decides how many to admit. */
const ADMITTED_KIB = 16
const KIB_PER_GIB = 1024 * 1024

/** Why several workers do not deliver as many times as much, where they share the cores with the load generator. */
export function workersArithmetic(results: Results): string {
  const { cores } = results.machine
  const rows = [
    ['one process, memory log', 'tailrace-memory'],
    ['workers, memory log', 'tailrace-memory-workers'],
    ['one process, SQLite', 'tailrace'],
    ['workers, SQLite', 'tailrace-workers'],
  ].map(([title = '', name = '']) => {
    const at = (key: string) => medianOf(results, 'workers', name, key)
    const hub = at('cpuMicros')
    const generator = at('generatorMicros')
    const most = (cores * 1e6) / (hub + generator)
    return [
      title,
      number(hub, 2),
      number(generator, 2),
      `${cores} × 1,000,000 / ${number(hub + generator, 2)} = ${number(most, 0)}`,
      number(at('perSecond'), 0),
      `${number((at('perSecond') / most) * 100, 0)}%`,
    ]
  })
  const titles = ['', 'hub µs', 'generator µs', 'most that the cores allow, /s', 'measured, /s', 'of that']
  return `## Why not twice

A delivery costs CPU in the hub and in the load generator, which takes it from the same ${cores} cores. So the sum of both bounds
what all processes together can deliver, however many share the work; one process reaches its own bound, a whole core, before.

${table(titles, rows)}`
}

/** What bounds the number of readers next. */
export function nextLimit(results: Results): string {
  const at = (key: string) => medianOf(results, 'idle-60k', 'tailrace-workers', key)
  const user = at('kibPerReader')
  const kernel = at('kernelKib')
  const files = at('files')
  const memory = results.machine.memoryGib * KIB_PER_GIB
  const rows = [
    [
      'open files',
      `${number(files, 0)} allowed to a process, ${RESERVED_FILES} of them reserved`,
      `${number(files - RESERVED_FILES, 0)} for each worker`,
    ],
    [
      'what the hub admits without `--max-connections`',
      `half of ${number(results.machine.memoryGib, 0)} GiB / ${ADMITTED_KIB} KiB`,
      number(memory / 2 / ADMITTED_KIB, 0),
    ],
    [
      'memory, all of it for readers',
      `${number(results.machine.memoryGib, 0)} GiB / (${number(user, 2)} + ${number(kernel, 2)} KiB)`,
      number(memory / (user + kernel), 0),
    ],
    [
      'memory of this machine, which has both ends',
      `${number(results.machine.memoryGib, 0)} GiB / (${number(user, 2)} + 2 × ${number(kernel, 2)} KiB)`,
      number(memory / (user + 2 * kernel), 0),
    ],
  ]
  return `## The next limit

Descriptors come first: another worker is needed for each ${number(files - RESERVED_FILES, 0)} readers, or a higher limit. After
them comes memory: of the kernel more than of the hub.

${table(['limit', '', 'readers'], rows)}`
}
