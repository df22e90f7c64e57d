import { type Bar, barChart } from './plot.ts'
import { reach } from './reach.ts'
import { medianOf, type PeerFacts, type Results, trialsOf } from './results.ts'
import type { Column, Scenario, Size } from './scenario.ts'

/** Writes RESULTS.md, none of which is written by hand. */
export function report(results: Results, scenarios: readonly Scenario[], size: Size): string {
  const ran = scenarios.filter(({ name }) => results.scenarios.includes(name))
  return [
    heading(results),
    results.scenarios.length === 0 ? '' : reachSection(results),
    ...ran.map((scenario) => scenarioSection(results, scenario, size)),
    peerSection(results),
    METHOD,
  ].join('\n')
}

/** The plots, by file name. */
export function plots(results: Results, scenarios: readonly Scenario[]): Map<string, string> {
  const files = new Map<string, string>()
  for (const scenario of scenarios) {
    if (!results.scenarios.includes(scenario.name)) continue
    for (const column of scenario.columns.filter(({ isPlotted }) => isPlotted)) {
      files.set(plotName(scenario, column), plot(results, scenario, column))
    }
  }
  return files
}

function heading({ machine, isQuick, runs }: Results): string {
  const warning = isQuick
    ? '\n**A quick run: it shows that everything works. Its figures mean nothing.**\n'
    : ''
  return `# Results
${warning}
Written by \`npm run bench\` on ${machine.date}, at commit ${machine.commit}. Medians of ${runs} ${runs === 1 ? 'trial' : 'trials'}, each with a fresh server; the
peers take turns within each, so that changes of the machine over time affect all of them.

Machine: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGib} GiB, ${machine.kernel}; Node ${machine.node}, ${machine.compiler}. Servers and load
generators share it.
`
}

function reachSection(results: Results): string {
  const rows = reach(results).map(({ figure, asked, reached, verdict }) => [figure, asked, reached, verdict])
  return `## Reach\n\n${table(['figure', 'asked', 'reached', ''], rows)}`
}

function scenarioSection(results: Results, scenario: Scenario, size: Size): string {
  const rows = results.peers
    .filter(({ absent }) => absent === undefined)
    .map((peer) => [peer.title, peer.stored, ...cells(results, scenario, peer)])
  const images = scenario.columns
    .filter(({ isPlotted }) => isPlotted)
    .map((column) => `![${scenario.title}: ${column.title}](plots/${plotName(scenario, column)})\n`)
  const titles = ['', 'stored', ...scenario.columns.map(({ title }) => title)]
  return [`## ${scenario.title}\n\n${scenario.describe(size)}\n`, table(titles, rows), ...images].join('\n')
}

function cells(results: Results, scenario: Scenario, { name }: PeerFacts): string[] {
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

const METHOD = `## Method

- Readers are processes written in C ([load/reader.c](load/reader.c)). They find marks in the payload, each with the time at
  which its event was *meant* to be sent. So a hub that delays its publishers is charged for the delay.
- CPU is the time of all processes of a server, user and system, from the first event to the last delivery. The kernel does its
  loopback work for the receiving side in the context of the sender, so every figure includes it, even that of the floor.
- Memory is resident memory; shared pages are divided among the processes that share them.
- "generator CPU" is the CPU time of readers and publishers, in percent of one core. Near 100 for each of the two reader
  processes, the load generator would be the limit. "others’ CPU %" is that of processes that are not part of the bench: with more
  than a few percent of a core, the machine was not idle, and latencies are meaningless.
- "stored" says where an event is when it is acknowledged to its publisher. The table above says how durable that is for each peer.
- The floor is not a hub: it calls \`send()\` once per reader and event, knows no topics, and stores nothing.
`

function plot(results: Results, scenario: Scenario, column: Column): string {
  const bars: Bar[] = results.peers
    .filter(({ absent, name }) => absent === undefined && trialsOf(results, scenario.name, name).length > 0)
    .map(({ name, title }) => ({
      label: title,
      value: medianOf(results, scenario.name, name, column.key),
      isOurs: name === 'tailrace',
    }))
  return barChart(`${scenario.title}: ${column.title}`, bars, column.digits)
}

function plotName(scenario: Scenario, column: Column): string {
  return `${scenario.name}-${column.key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.svg`
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map((_, i) => (i === 0 ? '---' : '--:')), ...rows]
  return `${lines.map((line) => `| ${line.join(' | ')} |`).join('\n')}\n`
}

function number(value: number, digits: number): string {
  if (Number.isNaN(value)) return '–'
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

function oneLine(text: string): string {
  return text.split('\n', 1)[0]?.replaceAll('|', '\\|') ?? ''
}
