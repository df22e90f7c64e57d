import { parseArgs } from 'node:util'

/** The names that a suite knows, and the number of its trials. */
export interface Known {
  readonly peers: readonly string[]
  readonly scenarios: readonly string[]
  readonly defaultRuns: number
}

/** Questions that are asked together: `oneHub`, unless an option names another. */
export type SuiteName = 'oneHub' | 'nodes' | 'apps'

export interface BenchOptions {
  readonly suite: SuiteName
  readonly isQuick: boolean
  readonly isJson: boolean
  readonly isRender: boolean
  /** Continues the full run of the suite that was interrupted. */
  readonly isContinued: boolean
  /** Everything, at full length: the only run that the reports in bench/ may contain. */
  readonly isWhole: boolean
  /** Medians are taken over this many trials of each scenario with each peer. */
  readonly runs: number
  readonly peers: readonly string[]
  readonly scenarios: readonly string[]
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const USAGE = `npm run bench -- [options]

  --nodes               measure many nodes that share an engine, instead of one hub
  --apps                measure hubs inside other applications, instead of one that runs alone
  --runs N              trials of each scenario with each peer, interleaved (5; 3 with --nodes and --apps; 1 with --quick)
  --only PEER,…         only these peers
  --scenarios NAME,…    only these scenarios
  --quick               short work that only shows that everything runs
  --continue            continue a full run that was interrupted
  --render              measure nothing; rewrite the report and the plots from the results in bench/
  --json                also write the results to stdout

A full run writes to bench/. A quick run, or one with --only or --scenarios, writes to a folder that it names.
`

/** Checks the arguments against the names of the suite that they choose. Without names, returns all of them. */
export function parseOptions(args: string[], suites: Readonly<Record<SuiteName, Known>>): BenchOptions {
  const { values } = parse(args)
  if (values.nodes && values.apps) throw new UsageError('--nodes and --apps are different suites')
  const suite = values.nodes ? 'nodes' : values.apps ? 'apps' : 'oneHub'
  const known = suites[suite]
  const runs = Number(values.runs ?? (values.quick ? 1 : known.defaultRuns))
  if (!Number.isInteger(runs) || runs < 1) {
    throw new UsageError(`--runs must be a whole number of at least 1, got ${values.runs}`)
  }
  const isWhole = !values.quick && values.only === undefined && values.scenarios === undefined
  if (values.continue && !isWhole) {
    throw new UsageError(
      '--continue continues a full run: it cannot be combined with --quick, --only or --scenarios',
    )
  }
  return {
    suite,
    isQuick: values.quick,
    isJson: values.json,
    isRender: values.render,
    isContinued: values.continue,
    isWhole,
    runs,
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
        quick: { type: 'boolean', default: false },
        render: { type: 'boolean', default: false },
        continue: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        runs: { type: 'string' },
        only: { type: 'string' },
        scenarios: { type: 'string' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
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
