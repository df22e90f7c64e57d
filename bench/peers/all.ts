import type { Peer } from '../peer.ts'
import { betterSse } from './better-sse.ts'
import { centrifugo } from './centrifugo.ts'
import { floor } from './floor.ts'
import { mercure } from './mercure.ts'
import { nchan } from './nchan.ts'
import { nodeHttp } from './node-http.ts'
import { pushpin } from './pushpin.ts'
import { tailrace, tailraceMemory } from './tailrace.ts'

/** In the order of the tables. */
export const peers: readonly Peer[] = [
  floor,
  tailrace,
  tailraceMemory,
  nchan,
  pushpin,
  mercure,
  centrifugo,
  betterSse,
  nodeHttp,
]
