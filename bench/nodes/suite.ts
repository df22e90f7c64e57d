import type { Suite } from '../suite.ts'
import { planTable, validationTable } from './capacity-tables.ts'
import { document } from './document.ts'
import type { Fleet } from './fleet.ts'
import { fleets } from './fleets/all.ts'
import { reachOfNodes } from './reach.ts'
import { nodeScenarios } from './scenarios/all.ts'

const METHOD = `## Method

- Engine, nodes, readers and publishers share the machine and its disk. Each trial starts a fresh engine and fresh nodes.
- Latency is from the time at which an event was *meant* to be sent to its arrival at the reader, so a hub or an engine that delays
  its publishers is charged for the delay.
- CPU is that of all processes of the nodes, or of the engine, user and system.
- "others’ CPU %" is that of processes that are not part of the bench, in percent of one core. With more than a few percent, the
  machine was not idle, and latencies and rates are meaningless.
- "stored" says where an event is when it is acknowledged. Figures of different durability do not compare: \`fsync\` is most of the
  time of a publish, and NATS JetStream and Kafka rely on replicas instead of it.
`

/** Many nodes that share an engine. */
export const nodes: Suite<Fleet> = {
  title: 'Results of many nodes',
  command: 'npm run bench -- --nodes',
  files: { report: 'NODES.md', results: 'nodes.json' },
  measures: 'wire log hub http server log-redis log-postgres log-sequencer log-nats log-kafka'.split(' '),
  defaultRuns: 3,
  peers: fleets,
  scenarios: nodeScenarios,
  preface: 'Engines, nodes\nand load generators share it.',
  method: METHOD,
  isOurs: (peer) => fleets.some(({ name, resumes }) => resumes && name === peer),
  reach: reachOfNodes,
  document,
  sections: (results) => [
    `## The capacity model on Redis: predicted and measured\n\n${validationTable(results)}`,
    `## The capacity model on Redis: plans\n\n${planTable(results)}`,
  ],
}
