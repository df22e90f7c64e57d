import { text } from 'node:stream/consumers'
import { request as httpRequest } from 'node:http'
import { publish, whilePublishing } from '../load/publish.ts'
import { openReaders } from '../load/readers.ts'
import { EVENT_DATA } from '../measure.ts'
import type { Peer, Place, WireRequest } from '../peer.ts'
import type { Figures, Scenario, Size, Trial } from '../scenario.ts'
import { residentBytes } from '../usage.ts'

const MIB = 1024 * 1024
const MISSED = 100
const LIVE_READERS = 100
const LIVE_RATE = 100
const readerCount = (size: Size) => size.pick(15_000, 1000)
const limitSeconds = (size: Size) => size.pick(60, 10)

export const resumeStorm: Scenario = {
  name: 'resume-storm',
  title: 'Resume after a restart',
  describe: (size) =>
    `The server is restarted; ${readerCount(size).toLocaleString('en')} readers return at once, each with a Last-Event-ID that is ${MISSED} events old, while ${LIVE_READERS} live readers of another topic get ${LIVE_RATE} events/s. Time from the first connection until every reader has its ${MISSED} events, at most ${limitSeconds(size)} s.`,
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
  const seconds = 2 * limitSeconds(size)
  const figures = await whilePublishing(liveRequest, { ...liveLoad, seconds }, () =>
    resume(peer.subscribe(place, 'missed', lastEventId), size),
  )
  const { latency } = await live.report()
  return {
    ...figures,
    liveP99Ms: latency.quantileMs(0.99),
    liveMaxMs: latency.maxMs,
    residentMib: residentBytes(server.pids()) / MIB,
  }
}

async function resume(request: WireRequest, size: Size): Promise<{ seconds: number; complete: number }> {
  const count = readerCount(size)
  const limitMs = limitSeconds(size) * 1000
  const began = performance.now()
  await using readers = await openReaders(request, { count, marks: MISSED, inFlight: 500 })
  const ms = await readers.complete(Math.max(1, limitMs - (performance.now() - began)))
  const { complete } = await readers.report()
  return { seconds: ms === undefined ? Number.NaN : ms / 1000, complete: (complete / count) * 100 }
}

/**
 * Publishes an event that every reader receives, and 100 that none receives; then stops the server. Returns the id
 * of the first one.
 */
async function missEvents(peer: Peer, place: Place): Promise<string> {
  const server = await peer.start(place)
  try {
    const answer = await send(peer.publish(place, 'missed', 'the last one that was seen'))
    const id = peer.publishedId?.(answer)
    if (id === undefined) throw new Error(`${peer.title} does not say what id an event was given`)
    await publish(peer.publish(place, 'missed', EVENT_DATA), { connections: 1, rate: 0, count: MISSED })
    return id
  } finally {
    await server.stop()
  }
}

function send({ port, text: wire }: WireRequest): Promise<string> {
  const [head = '', body = ''] = wire.split('\r\n\r\n', 2)
  const [start = '', ...fields] = head.split('\r\n')
  const [method = '', path = ''] = start.split(' ')
  const headers = Object.fromEntries(fields.map((field) => field.split(': ', 2) as [string, string]))
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent: false },
      (response) => resolve(text(response)),
    )
    request.on('error', reject).end(body)
  })
}
