import type { Scenario } from '../../scenario.ts'
import type { Fleet } from '../fleet.ts'
import { crossNode } from './cross-node.ts'
import { enginePublish } from './engine-publish.ts'
import { nodeStorm } from './node-storm.ts'
import { oneTail } from './one-tail.ts'
import { simulation } from './simulation.ts'
import { unitCosts } from './unit-costs.ts'

/** In the order of the report. */
export const nodeScenarios: readonly Scenario<Fleet>[] = [
  crossNode,
  enginePublish,
  nodeStorm,
  oneTail,
  unitCosts,
  simulation,
]
