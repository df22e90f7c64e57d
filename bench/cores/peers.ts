import type { Peer } from '../peer.ts'
import { centrifugo } from '../peers/centrifugo.ts'
import { floor } from '../peers/floor.ts'
import { mercure } from '../peers/mercure.ts'
import { nchan } from '../peers/nchan.ts'
import { nodeHttp } from '../peers/node-http.ts'
import { pushpin } from '../peers/pushpin.ts'
import { tailrace, tailraceMemory } from '../peers/tailrace.ts'

const DEFAULT_WORKERS = 2

/** The same hub with several worker processes, and with one, however many a run says. */
function severalWorkers(peer: Peer): Peer {
  return {
    ...peer,
    name: `${peer.name}-workers`,
    title: `${peer.title}, workers`,
    start: (place) => peer.start({ ...place, workers: place.workers ?? DEFAULT_WORKERS }),
  }
}

function oneProcess(peer: Peer): Peer {
  return { ...peer, start: (place) => peer.start({ ...place, workers: 1 }) }
}

/** In the order of the tables. */
export const peersWithCores: readonly Peer[] = [
  floor,
  oneProcess(tailrace),
  severalWorkers(tailrace),
  oneProcess(tailraceMemory),
  severalWorkers(tailraceMemory),
  nchan,
  centrifugo,
  mercure,
  pushpin,
  nodeHttp,
]
