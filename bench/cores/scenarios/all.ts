import type { Scenario } from '../../scenario.ts'
import { fanoutHigh } from '../../scenarios/fanout-high.ts'
import { fanoutLow } from '../../scenarios/fanout-low.ts'
import { latency } from '../../scenarios/latency.ts'
import { publishing } from '../../scenarios/publish.ts'
import { batches } from './batches.ts'
import { compression } from './compression.ts'
import { idle16k, idle60k } from './idle-many.ts'
import { notifications, tokens } from './own-topics.ts'
import { overHttp1, overHttp2 } from './secure.ts'
import { workers } from './workers.ts'

/** What one delivery costs. */
const FLOORS = ['floor', 'node-net', 'tailrace-memory-node']
const HUBS = ['tailrace', 'tailrace-memory', 'nchan']

/** In the order of the report. */
export const coreScenarios: readonly Scenario[] = [
  asking(fanoutLow, [...FLOORS, ...HUBS]),
  asking(latency, [...FLOORS, ...HUBS]),
  asking(fanoutHigh, HUBS),
  asking(publishing, [...HUBS, 'node-http']),
  workers,
  compression,
  asking(notifications, [...HUBS, 'tailrace-workers', 'centrifugo']),
  asking(tokens, [...HUBS, 'tailrace-workers', 'centrifugo']),
  asking(batches, ['tailrace', 'tailrace-memory', 'centrifugo', 'pushpin']),
  asking(overHttp1, ['tailrace', 'nchan', 'centrifugo', 'node-http']),
  asking(overHttp2, ['tailrace', 'nchan', 'centrifugo']),
  idle16k,
  idle60k,
]

/** Of these peers only, for the sake of time. */
function asking(scenario: Scenario, names: readonly string[]): Scenario {
  return {
    ...scenario,
    excludes: (peer) => (names.includes(peer.name) ? scenario.excludes?.(peer) : 'not asked'),
  }
}
