import type { Peer } from '../peer.ts'
import { centrifugo } from '../peers/centrifugo.ts'
import { floor } from '../peers/floor.ts'
import { nchan } from '../peers/nchan.ts'
import { nodeHttp } from '../peers/node-http.ts'
import { nodeNet } from '../peers/node-net.ts'
import { pushpin } from '../peers/pushpin.ts'
import { startHub, tailrace, tailraceMemory } from '../peers/tailrace.ts'

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

/** What Node alone can do, whatever is installed. */
const withoutAddon: Peer = {
  ...tailraceMemory,
  name: 'tailrace-memory-node',
  title: 'Tailrace, memory log, without the addon',
  start: (place) => startHub({ ...place, workers: 1 }, 'memory:', ['--no-multisend']),
}

/** In the order of the tables. */
export const peersWithCores: readonly Peer[] = [
  floor,
  nodeNet,
  oneProcess(tailrace),
  severalWorkers(tailrace),
  oneProcess(tailraceMemory),
  withoutAddon,
  severalWorkers(tailraceMemory),
  nchan,
  centrifugo,
  pushpin,
  nodeHttp,
]
