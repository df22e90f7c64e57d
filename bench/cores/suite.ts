import type { Peer } from '../peer.ts'
import type { Suite } from '../suite.ts'
import { peersWithCores } from './peers.ts'
import { reachOfCores } from './reach.ts'
import { coreScenarios } from './scenarios/all.ts'
import { nextLimit, workersArithmetic } from './sections.ts'

const METHOD = `## Method

- Readers and publishers are processes written in C ([load/](load)), on the same cores as the servers. Latency is from the time at
  which an event was *meant* to be sent, so a hub that delays its publishers is charged for the delay.
- CPU is that of all processes of a server, user and system: of supervisors, workers and the owner of a log too. It includes the
  work of the kernel for the receiving side, which happens in the context of the sender on loopback.
- Peers may use all cores: Nchan has a worker for each, and Centrifugo as many threads. Tailrace has one process unless its row
  says "workers"; then it has 2, which share one port.
- Rows compare if they are equally durable: "stored" says where an event is when it is acknowledged. Nchan stores in memory, so
  the memory log is its equal; SQLite is on disk.
- Scenarios that are not part of the targets run once, whatever the number of trials.
- "others’ CPU %" is that of processes that are not part of the bench, in percent of one core. With more than a few percent, the
  machine was not idle, and latencies and rates are meaningless.
- The floors are not hubs: they call \`send()\`, or \`write()\` of a socket in Node, once per reader and event, know no topics, and
  store nothing.
`

/** What one hub makes of all cores, compared with its targets. */
export const cores: Suite<Peer> = {
  title: 'Results with all cores',
  command: 'npm run bench -- --cores',
  files: { report: 'CORES.md', results: 'cores.json' },
  plotPrefix: 'cores-',
  measures: ['wire', 'log', 'hub', 'http', 'server'],
  defaultRuns: 3,
  peers: peersWithCores,
  scenarios: coreScenarios,
  preface: 'Servers and load\ngenerators share it.',
  method: METHOD,
  isOurs: (peer) => peer.startsWith('tailrace'),
  reach: reachOfCores,
  sections: (results) => [workersArithmetic(results), nextLimit(results)],
}
