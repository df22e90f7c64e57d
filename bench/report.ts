import { type Bar, barChart } from './plot.ts'
import type { Reach } from './reach.ts'
import { busyWarning, medianOf, type PeerFacts, type Results, trialsOf } from './results.ts'
import type { Compared } from './peer.ts'
import type { Column, Scenario, Size } from './scenario.ts'
import type { Suite } from './suite.ts'

/** Writes the report of a suite, none of which is written by hand. */
export function report<P extends Compared>(suite: Suite<P>, results: Results, size: Size): string {
  const ran = suite.scenarios.filter(({ name }) => results.scenarios.includes(name))
  return [
    heading(suite, results),
    results.scenarios.length === 0 ? '' : reachSection(suite.reach(results)),
    ...ran.map((scenario) => scenarioSection(suite, results, scenario, size)),
    ...(suite.sections?.(results) ?? []),
    peerSection(results),
    suite.method,
  ].join('\n')
}

/** The plots, by file name. */
export function plots<P extends Compared>(suite: Suite<P>, results: Results): Map<string, string> {
  const files = new Map<string, string>()
  for (const scenario of suite.scenarios) {
    if (!results.scenarios.includes(scenario.name)) continue
    for (const column of scenario.columns.filter(({ isPlotted }) => isPlotted)) {
      files.set(plotName(suite, scenario, column), plot(suite, results, scenario, column))
    }
  }
  return files
}

function heading<P extends Compared>({ title, command, preface }: Suite<P>, results: Results): string {
  const { machine, isQuick, runs } = results
  const doubt = isQuick
    ? '**A quick run: it shows that everything works. Its figures mean nothing.**'
    : busyWarning(results)
  const warning = doubt === undefined ? '' : `\n${doubt}\n`
  return `# ${title}
${warning}
Written by \`${command}\` on ${machine.date}, at commit ${machine.commit}. Medians of ${runs} ${runs === 1 ? 'trial' : 'trials'}, each with a fresh server; the
peers take turns within each, so that changes of the machine over time affect all of them.${settingsOf(results)}

Machine: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGib} GiB, ${machine.kernel}; Node ${machine.node}, ${machine.compiler}. ${preface}
`
}

function settingsOf({ settings = {} }: Results): string {
  const { workers, cores } = settings
  const parts = [
    ...(workers === undefined ? [] : [`Tailrace has ${workers} worker processes where it may have several.`]),
    ...(cores === undefined ? [] : [`Peers may use ${cores} of the cores.`]),
  ]
  return parts.length === 0 ? '' : `\n${parts.join(' ')}`
}

function reachSection(targets: readonly Reach[]): string {
  const rows = targets.map(({ figure, asked, reached, verdict }) => [figure, asked, reached, verdict])
  return `## Reach\n\n${table(['figure', 'asked', 'reached', ''], rows)}`
}

function scenarioSection<P extends Compared>(
  suite: Suite<P>,
  results: Results,
  scenario: Scenario<P>,
  size: Size,
): string {
  const present = results.peers.filter(({ absent }) => absent === undefined)
  const excluded = new Map(
    suite.peers.map((peer) => [peer.name, scenario.excludes?.(peer)] as const).filter(([, why]) => why),
  )
  const rows = present
    .filter(({ name }) => !excluded.has(name))
    .map((peer) => [peer.title, peer.stored, ...cells(results, scenario, peer)])
  const images = scenario.columns
    .filter(({ isPlotted }) => isPlotted)
    .map((column) => `![${scenario.title}: ${column.title}](plots/${plotName(suite, scenario, column)})\n`)
  const titles = ['', 'stored', ...scenario.columns.map(({ title }) => title)]
  const work = `## ${scenario.title}\n\n${scenario.describe(size)}\n`
  return [work, table(titles, rows), ...notAsked(present, excluded), ...images].join('\n')
}

/** The peers that have no row, by reason. */
function notAsked(peers: readonly PeerFacts[], reasons: ReadonlyMap<string, string | undefined>): string[] {
  const byReason = Map.groupBy(
    peers.filter(({ name }) => reasons.has(name)),
    ({ name }) => reasons.get(name),
  )
  if (byReason.size === 0) return []
  const parts = [...byReason].map(
    ([reason, left]) => `${left.map(({ title }) => title).join(', ')} (${reason})`,
  )
  return [`Left out: ${parts.join('; ')}.\n`]
}

function cells<P>(results: Results, scenario: Scenario<P>, { name }: PeerFacts): string[] {
  const trials = trialsOf(results, scenario.name, name)
  const failed = trials.filter(({ error }) => error !== undefined)
  const shown = scenario.columns.map(({ key, digits }) =>
    number(medianOf(results, scenario.name, name, key), digits),
  )
  if (failed.length === 0) return shown
  const note =
    failed.length === trials.length ? '' : `${shown[0]}; ${failed.length} of ${trials.length} trials: `
  return [note + oneLine(failed[0]?.error ?? ''), ...shown.slice(1)]
}

function peerSection({ peers }: Results): string {
  const rows = peers.map(({ title, version, absent, durability }) => [
    title,
    version ?? `absent: ${oneLine(absent ?? '')}`,
    durability,
  ])
  return `## Peers\n\nTheir configurations are in [peers/](peers).\n\n${table(['', 'version', 'durability'], rows)}`
}

function plot<P extends Compared>(
  suite: Suite<P>,
  results: Results,
  scenario: Scenario<P>,
  column: Column,
): string {
  const bars: Bar[] = results.peers
    .filter(({ absent, name }) => absent === undefined && trialsOf(results, scenario.name, name).length > 0)
    .map(({ name, title }) => ({
      label: title,
      value: medianOf(results, scenario.name, name, column.key),
      isOurs: suite.isOurs(name),
    }))
  return barChart(`${scenario.title}: ${column.title}`, bars, column.digits)
}

function plotName<P extends Compared>(
  { plotPrefix = '' }: Suite<P>,
  scenario: Scenario<P>,
  column: Column,
): string {
  return `${plotPrefix}${scenario.name}-${column.key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.svg`
}

export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map((_, i) => (i === 0 ? '---' : '--:')), ...rows]
  return `${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`
}

export function number(value: number, digits: number): string {
  if (Number.isNaN(value)) return '–'
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function oneLine(text: string): string {
  return text.split('\n', 1)[0]?.replaceAll('|', '\\|') ?? ''
}
