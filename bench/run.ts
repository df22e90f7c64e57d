import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apps } from './apps/suite.ts'
import { cores } from './cores/suite.ts'
import { changedSince, describeMachine, uncommitted } from './machine.ts'
import { nodes } from './nodes/suite.ts'
import { oneHub } from './one-hub.ts'
import { type BenchOptions, type Known, parseOptions, USAGE, UsageError } from './options.ts'
import { AbsentError, type Compared } from './peer.ts'
import { plots, report } from './report.ts'
import { fromJson, type PeerFacts, type Results, toJson, type TrialResult } from './results.ts'
import type { Scenario, Size } from './scenario.ts'
import type { Suite } from './suite.ts'
import { runTrial } from './trial.ts'

const WHOLE = import.meta.dirname
const PART = join(WHOLE, '../node_modules/.cache/tailrace-bench/last')

async function main(): Promise<void> {
  const ofPeers = { oneHub, apps, cores }
  const known = {
    oneHub: knownBy(oneHub),
    nodes: knownBy(nodes),
    apps: knownBy(apps),
    cores: knownBy(cores),
  }
  const options = parseOptions(process.argv.slice(2), known)
  if (options.suite === 'nodes') return bench(nodes, options)
  return bench(ofPeers[options.suite], options)
}

function knownBy<P extends Compared>({ peers, scenarios, defaultRuns }: Suite<P>): Known {
  return {
    peers: peers.map(({ name }) => name),
    scenarios: scenarios.map(({ name }) => name),
    defaultRuns,
  }
}

async function bench<P extends Compared>(suite: Suite<P>, options: BenchOptions): Promise<void> {
  const { peers, scenarios } = suite
  const size: Size = { isQuick: options.isQuick, pick: (full, quick) => (options.isQuick ? quick : full) }
  if (options.isRender) {
    const results = readWhole(suite)
    writeResults(WHOLE, suite, results, size)
    return suite.document?.(results)
  }
  requireClean(options)
  const facts = await Promise.all(peers.filter(({ name }) => options.peers.includes(name)).map(describePeer))
  for (const { title, absent } of facts) if (absent !== undefined) say(`${title} is absent: ${absent}`)
  const present = peers.filter(({ name }) =>
    facts.some((fact) => fact.name === name && fact.absent === undefined),
  )
  const chosen = scenarios.filter(({ name }) => options.scenarios.includes(name))
  const folder = options.isWhole ? WHOLE : PART
  const begun: Results = {
    machine: describeMachine(),
    isQuick: options.isQuick,
    runs: options.runs,
    settings: options.settings,
    scenarios: options.scenarios,
    peers: facts,
    trials: [],
  }
  const trials = options.isContinued ? continued(suite, begun, readWhole(suite)) : []
  const results = { ...begun, trials }
  const planned = [...interleaved(options.runs, chosen, present)]
  for (const { scenario, peer, run } of planned) {
    const isDone = (trial: TrialResult) =>
      trial.run === run && trial.scenario === scenario.name && trial.peer === peer.name
    if (trials.some(isDone)) continue
    const place = `${trials.length + 1}/${planned.length}`
    progress(`${place} ${scenario.name}, ${peer.title}, trial ${run}`)
    const trial = await runTrial(scenario, peer, run, size, options.settings)
    trials.push(trial)
    say(`${place} ${summary(trial, scenario, peer)}`)
    // After each trial, so that an interrupted run has something to show.
    writeResults(folder, suite, results, size)
  }
  if (options.isWhole) suite.document?.(results)
  say(`written: ${join(folder, suite.files.report)}`)
  if (options.isJson) process.stdout.write(toJson(results))
}

/** What is written into bench/ must be what anyone can measure again. */
function requireClean({ isWhole, mayBeDirty }: BenchOptions): void {
  const [first, ...others] = uncommitted()
  if (!isWhole || mayBeDirty || first === undefined) return
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  throw new UsageError(
    `${first}${more} differ from the commit that the report would name: commit first, or use --dirty`,
  )
}

function readWhole<P extends Compared>({ files, command }: Suite<P>): Results {
  const file = join(WHOLE, files.results)
  if (!existsSync(file)) throw new UsageError(`there is no ${file}: \`${command}\` writes it`)
  return fromJson(readFileSync(file, 'utf8'))
}

/** The trials of an earlier part of the run. All figures of a run must come from the same code and machine. */
function continued<P extends Compared>(suite: Suite<P>, now: Results, before: Results): TrialResult[] {
  const conditions = ({ machine: made, peers: facts }: Results) =>
    JSON.stringify([{ ...made, commit: '', date: '' }, facts])
  if (conditions(before) !== conditions(now)) {
    throw new UsageError('--continue: the machine or a version has changed since the run began')
  }
  const { commit } = before.machine
  const measured = suite.measures.map((name) => join(WHOLE, '../packages', name, 'src'))
  if (changedSince(commit, measured)) {
    throw new UsageError(`--continue: the measured code has changed since ${commit}`)
  }
  return [...before.trials]
}

async function describePeer({ name, title, stored, durability, version }: Compared): Promise<PeerFacts> {
  const facts = { name, title, stored, durability }
  try {
    return { ...facts, version: await version() }
  } catch (error) {
    if (!(error instanceof AbsentError)) throw error
    return { ...facts, absent: error.message }
  }
}

/** Runs the peers one after another within each scenario, each time beginning with a different one. */
function* interleaved<P>(runs: number, chosen: readonly Scenario<P>[], present: readonly P[]) {
  for (let run = 1; run <= runs; run++) {
    for (const scenario of chosen) {
      if (run > (scenario.maxRuns ?? runs)) continue
      for (let i = 0; i < present.length; i++) {
        const peer = present[(i + run - 1) % present.length]
        if (peer !== undefined && scenario.excludes?.(peer) === undefined) yield { scenario, peer, run }
      }
    }
  }
}

function writeResults<P extends Compared>(
  folder: string,
  suite: Suite<P>,
  results: Results,
  size: Size,
): void {
  mkdirSync(join(folder, 'plots'), { recursive: true })
  writeFileSync(join(folder, suite.files.results), toJson(results))
  writeFileSync(join(folder, suite.files.report), report(suite, results, size))
  for (const [name, svg] of plots(suite, results)) writeFileSync(join(folder, 'plots', name), svg)
}

function summary<P extends Compared>(
  { figures, error, run }: TrialResult,
  scenario: Scenario<P>,
  peer: P,
): string {
  const shown = scenario.columns.map(
    ({ key, title, digits }) => `${title} ${figures?.[key]?.toFixed(digits)}`,
  )
  return `${scenario.name} #${run} ${peer.title}: ${error ?? shown.join(', ')}`
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}

function say(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${text}\n`)
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`${error.message}\n\n${USAGE}`)
  process.exitCode = 2
}
