import type { Peer } from './peer.ts'
import { peers } from './peers/all.ts'
import { reach } from './reach.ts'
import { scenarios } from './scenarios/all.ts'
import type { Suite } from './suite.ts'

const METHOD = `## Method

- Readers are processes written in C ([load/reader.c](load/reader.c)). They find marks in the payload, each with the time at
  which its event was *meant* to be sent. So a hub that delays its publishers is charged for the delay.
- CPU is the time of all processes of a server, user and system, from the first event to the last delivery. The kernel does its
  loopback work for the receiving side in the context of the sender, so every figure includes it, even that of the floor.
- Memory is resident memory; shared pages are divided among the processes that share them.
- "generator CPU" is the CPU time of readers and publishers, in percent of one core. Near 100 for each of the two reader
  processes, the load generator would be the limit. "others’ CPU %" is that of processes that are not part of the bench: with more
  than a few percent of a core, the machine was not idle, and latencies are meaningless.
- "stored" says where an event is when it is acknowledged to its publisher. The table above says how durable that is for each peer.
- The floor is not a hub: it calls \`send()\` once per reader and event, knows no topics, and stores nothing.
`

/** One hub on one machine, next to other servers. */
export const oneHub: Suite<Peer> = {
  title: 'Results',
  command: 'npm run bench',
  files: { report: 'RESULTS.md', results: 'results.json' },
  measures: ['wire', 'log', 'hub', 'server'],
  defaultRuns: 5,
  peers,
  scenarios,
  preface: 'Servers and load\ngenerators share it.',
  method: METHOD,
  isOurs: (peer) => peer.startsWith('tailrace'),
  reach,
}
