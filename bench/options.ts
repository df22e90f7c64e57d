import { parseArgs } from 'node:util'
import type { Settings } from './peer.ts'

/** The names that a suite knows, and the number of its trials. */
export interface Known {
  readonly peers: readonly string[]
  readonly scenarios: readonly string[]
  readonly defaultRuns: number
}

/** Questions that are asked together: `oneHub`, unless an option names another. */
export type SuiteName = 'oneHub' | 'nodes' | 'apps' | 'cores'

export interface BenchOptions {
  readonly suite: SuiteName
  readonly isQuick: boolean
  readonly isJson: boolean
  readonly isRender: boolean
  /** Continues the full run of the suite that was interrupted. */
  readonly isContinued: boolean
  /** Whether files may differ from the commit that a full run names. */
  readonly mayBeDirty: boolean
  /** Everything, at full length and with the usual settings: the only run that the reports in bench/ may contain. */
  readonly isWhole: boolean
  /** Medians are taken over this many trials of each scenario with each peer. */
  readonly runs: number
  readonly settings: Settings
  readonly peers: readonly string[]
  readonly scenarios: readonly string[]
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const USAGE = `npm run bench -- [options]

  --nodes               measure many nodes that share an engine, instead of one hub
  --apps                measure hubs inside other applications, instead of one that runs alone
  --cores               measure what all cores make of one hub, and compare it with the targets for that
  --runs N              trials of each scenario with each peer, interleaved (5; 3 with --nodes, --apps and --cores; 1 with
                        --quick)
  --only PEER,…         only these peers
  --scenarios NAME,…    only these scenarios
  --workers N           worker processes of Tailrace (1; of those peers of --cores that have several, 2)
  --peer-cores N        cores that the others may use, as far as they have a setting for it (all)
  --quick               short work that only shows that everything runs
  --continue            continue a full run that was interrupted
  --render              measure nothing; rewrite the report and the plots from the results in bench/
  --json                also write the results to stdout
  --dirty               let a full run measure files that differ from the commit that its report names

A full run writes to bench/. A quick run, or one with --only, --scenarios, --workers or --peer-cores, writes to a folder that it
names.
`

/** Checks the arguments against the names of the suite that they choose. Without names, returns all of them. */
export function parseOptions(args: string[], suites: Readonly<Record<SuiteName, Known>>): BenchOptions {
  const { values } = parse(args)
  const named = (['nodes', 'apps', 'cores'] as const).filter((name) => values[name])
  if (named.length > 1) throw new UsageError('--nodes, --apps and --cores are different suites')
  const suite = named[0] ?? 'oneHub'
  const known = suites[suite]
  const runs = count('--runs', values.runs) ?? (values.quick ? 1 : known.defaultRuns)
  const settings: Settings = {
    workers: count('--workers', values.workers),
    cores: count('--peer-cores', values['peer-cores']),
  }
  const parts = [values.only, values.scenarios, values.workers, values['peer-cores']]
  const isWhole = !values.quick && parts.every((part) => part === undefined)
  if (values.continue && !isWhole) {
    throw new UsageError(
      '--continue continues a full run: it cannot be combined with --quick, --only, --scenarios, --workers or --peer-cores',
    )
  }
  return {
    suite,
    isQuick: values.quick,
    isJson: values.json,
    isRender: values.render,
    isContinued: values.continue,
    mayBeDirty: values.dirty,
    isWhole,
    runs,
    settings,
    peers: chosen('--only', values.only, known.peers),
    scenarios: chosen('--scenarios', values.scenarios, known.scenarios),
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        nodes: { type: 'boolean', default: false },
        apps: { type: 'boolean', default: false },
        cores: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        render: { type: 'boolean', default: false },
        continue: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        dirty: { type: 'boolean', default: false },
        runs: { type: 'string' },
        workers: { type: 'string' },
        'peer-cores': { type: 'string' },
        only: { type: 'string' },
        scenarios: { type: 'string' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function count(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new UsageError(`${option} must be a whole number of at least 1, got ${text}`)
}

function chosen(option: string, text: string | undefined, known: readonly string[]): readonly string[] {
  if (text === undefined) return known
  const names = text.split(',')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    throw new UsageError(`${option} must name any of ${known.join(', ')}, got ${unknown}`)
  }
  return known.filter((name) => names.includes(name))
}
