import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import { publishMissed, resume, type Resume } from '../../resume.ts'
import { cpuMicros, residentBytes } from '../../usage.ts'
import type { Engine } from '../engines/engine.ts'
import { type Fleet, logsOnly, placeOf } from '../fleet.ts'

const MIB = 1024 * 1024
const work = (size: Size): Resume => ({
  readers: size.pick(5000, 1000),
  missed: 100,
  limitSeconds: size.pick(30, 10),
})

export const nodeStorm: Scenario<Fleet> = {
  name: 'node-storm',
  title: 'Resume on another node',
  describe: (size) =>
    `Node A takes ${work(size).missed} events and is stopped. Its ${work(size).readers.toLocaleString('en')} readers return at once to node B, which has just started, each with a Last-Event-ID that is ${work(size).missed} events old. Time from the first connection until every reader has them.`,
  columns: [
    { key: 'seconds', title: 's until all are live', digits: 2, isPlotted: true },
    { key: 'complete', title: 'readers with all they missed %', digits: 2 },
    { key: 'engineSeconds', title: 'engine CPU s', digits: 2 },
    { key: 'residentMib', title: 'MiB of node B afterwards', digits: 0 },
  ],
  excludes: logsOnly,
  run: resumeElsewhere,
}

async function resumeElsewhere({ peer, place, size }: Trial<Fleet>): Promise<Figures> {
  await using engine = await peer.startEngine()
  const to = placeOf(place, 1)
  const lastEventId = await missEvents({ peer, place, size }, engine)
  await using b = await peer.startNode(to, engine)
  const pids = engine.pids()
  const before = cpuMicros(pids)
  const figures = await resume(peer.subscribe(to, 'missed', lastEventId), work(size))
  return {
    ...figures,
    engineSeconds: (cpuMicros(pids) - before) / 1e6,
    residentMib: residentBytes(b.pids()) / MIB,
  }
}

/** Publishes on node A what its readers will have missed, and stops it. Returns the id of the last event that they have. */
async function missEvents({ peer, place, size }: Trial<Fleet>, engine: Engine): Promise<string> {
  const at = placeOf(place, 0)
  const node = await peer.startNode(at, engine)
  try {
    return await publishMissed(peer, at, work(size).missed)
  } finally {
    await node.stop()
  }
}
