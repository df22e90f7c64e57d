import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changedSince, describeMachine } from './machine.ts'
import { parseOptions, USAGE, UsageError } from './options.ts'
import { AbsentError, type Peer } from './peer.ts'
import { peers } from './peers/all.ts'
import { plots, report } from './report.ts'
import { fromJson, type PeerFacts, type Results, toJson, type TrialResult } from './results.ts'
import type { Scenario, Size } from './scenario.ts'
import { scenarios } from './scenarios/all.ts'
import { runTrial } from './trial.ts'

const WHOLE = import.meta.dirname
const MEASURED = ['wire', 'log', 'hub', 'server'].map((name) => join(WHOLE, '../packages', name, 'src'))
const PART = join(WHOLE, '../node_modules/.cache/tailrace-bench/last')

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), {
    peers: peers.map(({ name }) => name),
    scenarios: scenarios.map(({ name }) => name),
  })
  const size: Size = { isQuick: options.isQuick, pick: (full, quick) => (options.isQuick ? quick : full) }
  if (options.isRender) {
    return writeResults(WHOLE, readWhole(), size)
  }
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
    scenarios: options.scenarios,
    peers: facts,
    trials: [],
  }
  const trials = options.isContinued ? continued(begun, readWhole()) : []
  const results = { ...begun, trials }
  const total = options.runs * chosen.length * present.length
  for (const { scenario, peer, run } of interleaved(options.runs, chosen, present)) {
    const isDone = (trial: TrialResult) =>
      trial.run === run && trial.scenario === scenario.name && trial.peer === peer.name
    if (trials.some(isDone)) continue
    progress(`${trials.length + 1}/${total} ${scenario.name}, ${peer.title}, trial ${run}`)
    const trial = await runTrial(scenario, peer, run, size)
    trials.push(trial)
    say(summary(trial, scenario, peer))
    // After each trial, so that an interrupted run has something to show.
    writeResults(folder, results, size)
  }
  say(`written: ${join(folder, 'RESULTS.md')}`)
  if (options.isJson) process.stdout.write(toJson(results))
}

function readWhole(): Results {
  return fromJson(readFileSync(join(WHOLE, 'results.json'), 'utf8'))
}

/** The trials of an earlier part of the run. All figures of a run must come from the same code and machine. */
function continued(now: Results, before: Results): TrialResult[] {
  const conditions = ({ machine: made, peers: facts }: Results) =>
    JSON.stringify([{ ...made, commit: '', date: '' }, facts])
  if (conditions(before) !== conditions(now)) {
    throw new UsageError('--continue: the machine or a version has changed since the run began')
  }
  const { commit } = before.machine
  if (changedSince(commit, MEASURED)) {
    throw new UsageError(`--continue: the measured code has changed since ${commit}`)
  }
  return [...before.trials]
}

async function describePeer({ name, title, stored, durability, version }: Peer): Promise<PeerFacts> {
  const facts = { name, title, stored, durability }
  try {
    return { ...facts, version: await version() }
  } catch (error) {
    if (!(error instanceof AbsentError)) throw error
    return { ...facts, absent: error.message }
  }
}

/** Runs the peers one after another within each scenario, each time beginning with a different one. */
function* interleaved(runs: number, chosen: readonly Scenario[], present: readonly Peer[]) {
  for (let run = 1; run <= runs; run++) {
    for (const scenario of chosen) {
      for (let i = 0; i < present.length; i++) {
        const peer = present[(i + run - 1) % present.length]
        if (peer !== undefined) yield { scenario, peer, run }
      }
    }
  }
}

function writeResults(folder: string, results: Results, size: Size): void {
  mkdirSync(join(folder, 'plots'), { recursive: true })
  writeFileSync(join(folder, 'results.json'), toJson(results))
  writeFileSync(join(folder, 'RESULTS.md'), report(results, scenarios, size))
  for (const [name, svg] of plots(results, scenarios)) writeFileSync(join(folder, 'plots', name), svg)
}

function summary({ figures, error, run }: TrialResult, scenario: Scenario, peer: Peer): string {
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
