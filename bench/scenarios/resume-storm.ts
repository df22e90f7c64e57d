import { publish, whilePublishing } from '../load/publish.ts'
import { openReaders } from '../load/readers.ts'
import { EVENT_DATA } from '../measure.ts'
import type { Peer, Place } from '../peer.ts'
import { publishMissed, resume, type Resume } from '../resume.ts'
import type { Figures, Scenario, Size, Trial } from '../scenario.ts'
import { residentBytes } from '../usage.ts'

const MIB = 1024 * 1024
const MISSED = 100
const LIVE_READERS = 100
const LIVE_RATE = 100
const work = (size: Size): Resume => ({
  readers: size.pick(15_000, 1000),
  missed: MISSED,
  limitSeconds: size.pick(60, 10),
})

export const resumeStorm: Scenario = {
  name: 'resume-storm',
  title: 'Resume after a restart',
  describe: (size) =>
    `The server is restarted; ${work(size).readers.toLocaleString('en')} readers return at once, each with a Last-Event-ID that is ${MISSED} events old, while ${LIVE_READERS} live readers of another topic get ${LIVE_RATE} events/s. Time from the first connection until every reader has its ${MISSED} events, at most ${work(size).limitSeconds} s.`,
  columns: [
    { key: 'seconds', title: 's until all are live', digits: 2, isPlotted: true },
    { key: 'complete', title: 'readers with all they missed %', digits: 2 },
    { key: 'liveP99Ms', title: 'live readers’ p99 ms', digits: 2, isPlotted: true },
    { key: 'liveMaxMs', title: 'live readers’ max ms', digits: 2 },
    { key: 'residentMib', title: 'MiB afterwards', digits: 0 },
  ],
  excludes: (peer) => (peer.resumes ? undefined : 'keeps nothing over a restart'),
  run: storm,
}

async function storm({ peer, place, size }: Trial): Promise<Figures> {
  const lastEventId = await missEvents(peer, place)
  await using server = await peer.start(place)
  await using live = await openReaders(peer.subscribe(place, 'live'), { count: LIVE_READERS })
  const liveLoad = { rate: LIVE_RATE, connections: 8 }
  const liveRequest = peer.publish(place, 'live', EVENT_DATA)
  await publish(liveRequest, { ...liveLoad, seconds: size.pick(3, 0.5) })
  await live.reset()
  const seconds = 2 * work(size).limitSeconds
  const figures = await whilePublishing(liveRequest, { ...liveLoad, seconds }, () =>
    resume(peer.subscribe(place, 'missed', lastEventId), work(size)),
  )
  const { latency } = await live.report()
  return {
    ...figures,
    liveP99Ms: latency.quantileMs(0.99),
    liveMaxMs: latency.maxMs,
    residentMib: residentBytes(server.pids()) / MIB,
  }
}

/** Publishes what the readers will have missed, and stops the server. Returns the id of the last event that they have. */
async function missEvents(peer: Peer, place: Place): Promise<string> {
  const server = await peer.start(place)
  try {
    return await publishMissed(peer, place, MISSED)
  } finally {
    await server.stop()
  }
}
