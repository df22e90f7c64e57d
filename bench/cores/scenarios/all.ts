import type { Scenario } from '../../scenario.ts'
import { fanoutHigh } from '../../scenarios/fanout-high.ts'
import { fanoutLow } from '../../scenarios/fanout-low.ts'
import { latency } from '../../scenarios/latency.ts'
import { publishing } from '../../scenarios/publish.ts'
import { batches } from './batches.ts'
import { idle16k, idle60k } from './idle-many.ts'
import { notifications, tokens } from './own-topics.ts'
import { overHttp1, overHttp2 } from './secure.ts'
import { workers } from './workers.ts'

const HUBS = ['tailrace', 'tailrace-memory', 'nchan']

/** In the order of the report. */
export const coreScenarios: readonly Scenario[] = [
  asking(fanoutLow, ['floor', ...HUBS, 'centrifugo']),
  asking(latency, ['floor', ...HUBS, 'centrifugo']),
  asking(fanoutHigh, HUBS),
  asking(publishing, [...HUBS, 'node-http']),
  workers,
  notifications,
  tokens,
  batches,
  overHttp1,
  overHttp2,
  idle16k,
  idle60k,
]

/** A scenario of the other suite, whose report shows the figures of the other peers. */
function asking(scenario: Scenario, names: readonly string[]): Scenario {
  return { ...scenario, excludes: ({ name }) => (names.includes(name) ? undefined : 'not asked') }
}
