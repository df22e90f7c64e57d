import { parseArgs } from 'node:util'

const DEFAULT_RUNS = 5

export interface BenchOptions {
  readonly isQuick: boolean
  readonly isJson: boolean
  readonly isRender: boolean
  /** Goes on with the whole run that bench/results.json holds. */
  readonly isContinued: boolean
  /** Everything, at full length: what bench/RESULTS.md may hold. */
  readonly isWhole: boolean
  /** Medians are of this many trials of each scenario with each peer. */
  readonly runs: number
  readonly peers: readonly string[]
  readonly scenarios: readonly string[]
}

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const USAGE = `npm run bench -- [options]

  --runs N              trials of each scenario with each peer, interleaved (${DEFAULT_RUNS}; 1 with --quick)
  --only PEER,…         these peers only
  --scenarios NAME,…    these scenarios only
  --quick               short work that only shows that everything runs
  --continue            goes on with a whole run that was broken off
  --render              measures nothing: writes the report and the plots anew from bench/results.json
  --json                the results on stdout as well

A whole run writes to bench/; a quick one, or one of some peers or scenarios, to a folder that it names.
`

/** Checks the arguments against the names there are; every one when none is given. */
export function parseOptions(args: string[], known: { peers: string[]; scenarios: string[] }): BenchOptions {
  const { values } = parse(args)
  const runs = Number(values.runs ?? (values.quick ? 1 : DEFAULT_RUNS))
  if (!Number.isInteger(runs) || runs < 1) {
    throw new UsageError(`--runs must be a whole number of at least 1, got ${values.runs}`)
  }
  const isWhole = !values.quick && values.only === undefined && values.scenarios === undefined
  if (values.continue && !isWhole) {
    throw new UsageError(
      '--continue is for a whole run: it goes with none of --quick, --only and --scenarios',
    )
  }
  return {
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
