import type { Finding, Search } from './search.ts'

/** How many of the most expensive inputs are listed, whether they failed or not. */
const MOST_EXPENSIVE = 20

/** A table of the failures and of the most expensive inputs. */
export function reportOf(name: string, { findings, skipped, idle }: Search): string {
  const rows = findings.toSorted((a, b) => rank(b) - rank(a))
  const shown = rows.filter(({ offences }, i) => offences.length > 0 || i < MOST_EXPENSIVE)
  const peak = Math.max(...findings.map(({ large }) => large.peak))
  const worst = Math.max(...findings.map(({ large }) => large.worst.healthz ?? 0))
  const idleTimes = Object.entries(idle.worst).map(([probe, ms]) => `${probe} ${ms.toFixed(1)} ms`)
  return [
    `${name}: ${findings.length} measured, ${skipped} skipped; at most ${mib(peak)} resident; slowest /healthz ${worst.toFixed(0)} ms`,
    `idle: ${idleTimes.join(', ')}; a small publish ${idle.publishMs.toFixed(2)} ms`,
    table([['input', 'at n', 'at 4n', 'growth', 'resident', 'others wait', 'result'], ...shown.map(rowOf)]),
  ].join('\n')
}

function rank({ offences, large }: Finding): number {
  return (offences.length > 0 ? 1e9 : 0) + large.cpuMs
}

function rowOf({ name, small, large, offences }: Finding): string[] {
  const growth = small === undefined || small.cpuMs === 0 ? '' : `${(large.cpuMs / small.cpuMs).toFixed(1)} ×`
  const wait = Math.max(0, ...Object.values(large.worst))
  return [
    name,
    small === undefined ? '' : `${small.cpuMs.toFixed(1)} ms`,
    `${large.cpuMs.toFixed(1)} ms`,
    growth,
    mib(large.peak),
    `${wait.toFixed(0)} ms`,
    offences.length === 0 ? 'held' : offences.join('; '),
  ]
}

function mib(bytes: number): string {
  return `${Math.round(bytes / (1024 * 1024))} MiB`
}

function table(rows: readonly (readonly string[])[]): string {
  const last = rows[0]!.length - 1
  const widths = Array.from({ length: last }, (_, i) => Math.max(...rows.map((row) => row[i]!.length)))
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')).join('\n')
}
