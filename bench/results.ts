import type { Machine } from './machine.ts'
import type { Settings, Stored } from './peer.ts'
import type { Figures } from './scenario.ts'

/** One trial of one scenario with one peer. */
export interface TrialResult {
  readonly peer: string
  readonly scenario: string
  readonly run: number
  readonly figures?: Figures
  readonly error?: string
}

export interface PeerFacts {
  readonly name: string
  readonly title: string
  readonly stored: Stored
  readonly durability: string
  readonly version?: string
  /** Why the peer was not available. */
  readonly absent?: string
}

/** Everything measured in one run of the bench: the content of results.json, from which the report is made. */
export interface Results {
  readonly machine: Machine
  readonly isQuick: boolean
  readonly runs: number
  /** Other than the usual ones, which are those of a full run. */
  readonly settings?: Settings
  readonly scenarios: readonly string[]
  readonly peers: readonly PeerFacts[]
  readonly trials: readonly TrialResult[]
}

/** NaN (no figure at all) counts as the worst, so that one failed trial of five does not hide behind the other four. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => rank(a) - rank(b))
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

function rank(value: number): number {
  return Number.isNaN(value) ? Number.MAX_VALUE : value
}

/** The median of one figure over all trials. NaN if there is none. */
export function medianOf(results: Results, scenario: string, peer: string, key: string): number {
  return median(trialsOf(results, scenario, peer).flatMap(({ figures }) => figures?.[key] ?? []))
}

export function trialsOf(results: Results, scenario: string, peer: string): readonly TrialResult[] {
  return results.trials.filter((trial) => trial.scenario === scenario && trial.peer === peer)
}

/** A machine on which other processes use more than this, in percent of a core, is not idle. */
const MAX_OTHERS_CPU = 10

/** Why the figures should not be believed. Undefined if other processes used next to nothing of the machine. */
export function busyWarning({ trials }: Results): string | undefined {
  const others = median(trials.flatMap(({ figures }) => figures?.['othersCpu'] ?? []))
  return others > MAX_OTHERS_CPU
    ? `**The machine was not idle: other processes used ${others.toFixed(0)}% of a core. Latencies and rates mean nothing.**`
    : undefined
}

/** JSON has no NaN: a missing figure is null there. */
export function toJson(results: Results): string {
  return `${JSON.stringify(results, undefined, 2)}\n`
}

export function fromJson(text: string): Results {
  return JSON.parse(text, (_, value: unknown) => (value === null ? Number.NaN : value)) as Results
}
