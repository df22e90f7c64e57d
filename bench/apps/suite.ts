import type { Peer } from '../peer.ts'
import type { Suite } from '../suite.ts'
import { apps as peers } from './peers.ts'
import { reachOfApps } from './reach.ts'
import { appScenarios } from './scenarios/all.ts'

const METHOD = `## Method

- The applications are in [apps/express/](apps/express): they differ only in the library that streams.
- Readers and publishers are processes written in C ([load/](load)). Latency is from the time at which an event was *meant* to be
  published, or a token was sent by its upstream, to its arrival at the reader.
- CPU is that of the process of the application, user and system. It includes the work of the kernel for the receiving side, which
  happens in the context of the sender on loopback; that is the same for both libraries.
- Memory is resident memory.
- "others’ CPU %" is that of processes that are not part of the bench, in percent of one core. With more than a few percent, the
  machine was not idle, and latencies are meaningless.
`

/** Hubs inside other applications, next to the libraries that these would use otherwise. */
export const apps: Suite<Peer> = {
  title: 'Results in applications',
  command: 'npm run bench -- --apps',
  files: { report: 'APPS.md', results: 'apps.json' },
  measures: ['wire', 'log', 'hub', 'http', 'llm'],
  defaultRuns: 3,
  peers,
  scenarios: appScenarios,
  preface: 'Applications and\nload generators share it.',
  method: METHOD,
  isOurs: (peer) => peer === 'tailrace',
  reach: reachOfApps,
}
