import { setTimeout as sleep } from 'node:timers/promises'
import { openReaders } from '../../load/readers.ts'
import { publish } from '../../load/publish.ts'
import { EVENT_DATA } from '../../measure.ts'
import { type Place, post, type WireRequest } from '../../peer.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import type { ServerProcess } from '../../server-process.ts'
import { countCpu, residentBytes, slabBytes } from '../../usage.ts'
import type { UnitCosts } from '../capacity.ts'
import { sentBytes } from '../engines/sockets.ts'
import type { Engine } from '../engines/engine.ts'
import { type Fleet, logsOnly, placeOf } from '../fleet.ts'
import { publishSteadily } from '../steady.ts'

const KIB = 1024
const RATE = 1000
const NODES = 3
/** Events of a batch, and batches per second. */
const BATCH = 50
const BATCH_RATE = 100
const IDLE_READERS = 4000
const READERS = 1000
const READ_RATE = 20
/** Of Ethernet, IP and TCP with timestamps, for one packet. */
const PACKET_BYTES = 66
const seconds = (size: Size) => size.pick(2, 1)

export const unitCosts: Scenario<Fleet> = {
  name: 'unit-costs',
  title: 'Unit costs',
  describe: (size) =>
    `The inputs of the capacity model. ${RATE.toLocaleString('en')} events/s of 100 B are published on one node for ${seconds(size)} s, without readers: with ${NODES} nodes, and with that node alone. The CPU of the nodes that only receive is that of the tail; the difference for the engine is what a node costs it. ${BATCH_RATE} batches/s of ${BATCH} events follow. Then ${READ_RATE} events/s to ${READERS.toLocaleString('en')} readers of one node, and ${IDLE_READERS.toLocaleString('en')} idle readers.`,
  columns: [
    { key: 'hubMib', title: 'hub MiB', digits: 0 },
    { key: 'readerKib', title: 'KiB per reader', digits: 2 },
    { key: 'socketKib', title: 'KiB of the kernel per connection', digits: 2 },
    { key: 'deliveryMicros', title: 'hub µs per delivery', digits: 1 },
    { key: 'tailMicros', title: 'hub µs per event tailed', digits: 1 },
    { key: 'batchTailMicros', title: `hub µs per event tailed, batches of ${BATCH}`, digits: 1 },
    { key: 'publishMicros', title: 'hub µs per publish', digits: 1 },
    { key: 'storeMicros', title: 'engine µs per event stored', digits: 1 },
    { key: 'sendMicros', title: 'engine µs per event and node', digits: 1 },
    { key: 'tailBytes', title: 'engine bytes per event and node', digits: 0 },
    { key: 'deliveryBytes', title: 'bytes per delivery', digits: 0 },
  ] satisfies ({ key: keyof UnitCosts | 'batchTailMicros' } & Scenario<Fleet>['columns'][number])[],
  excludes: logsOnly,
  run: costs,
}

async function costs({ peer, place, size }: Trial<Fleet>): Promise<Figures> {
  await using engine = await peer.startEngine()
  const at = placeOf(place, 0)
  await using publisher = await peer.startNode(at, engine)
  const request = peer.publish(at, 'quiet', EVENT_DATA)
  await publish(request, { connections: 32, rate: RATE, seconds: size.pick(2, 0.5) })
  // Twice, before and after: an engine gets faster with time, above all one in Java.
  const first = await published(engine, [publisher], request, size)
  const several = await withMoreNodes({ peer, place, size }, engine, publisher)
  const alone = meanOf(first, await published(engine, [publisher], request, size))
  // What the engine sends for one node; the responses to the publishes are part of it with any number of nodes.
  // A difference that is too small to be seen may be negative.
  const perNode = (key: 'engineMicros' | 'sentBytes') => Math.max(0, several[key] - alone[key]) / (NODES - 1)
  const tailMicros = several.otherMicros
  const delivery = await deliveries(peer, at, publisher, size)
  return {
    hubMib: several.residentMib,
    ...(await idleMemory(peer, placeOf(place, NODES), engine)),
    deliveryMicros: (delivery.micros - READ_RATE * seconds(size) * alone.publisherMicros) / delivery.count,
    tailMicros,
    batchTailMicros: several.batchTailMicros,
    publishMicros: alone.publisherMicros - tailMicros,
    storeMicros: Math.max(0, alone.engineMicros - perNode('engineMicros')),
    sendMicros: perNode('engineMicros'),
    tailBytes: perNode('sentBytes'),
    deliveryBytes: delivery.bytes,
  }
}

async function withMoreNodes({ peer, place, size }: Trial<Fleet>, engine: Engine, publisher: ServerProcess) {
  const at = placeOf(place, 0)
  const request = peer.publish(at, 'quiet', EVENT_DATA)
  await using others = new AsyncDisposableStack()
  const nodes = [publisher]
  while (nodes.length < NODES) {
    nodes.push(others.use(await peer.startNode(placeOf(place, nodes.length), engine)))
  }
  await publish(request, { connections: 32, rate: RATE, seconds: size.pick(1, 0.5) })
  const costsOfEvent = await published(engine, nodes, request, size)
  const resident = residentBytes(nodes.flatMap((node) => node.pids()))
  const ofBatches = await published(engine, nodes, batchOf(at), size, { rate: BATCH_RATE, events: BATCH })
  return {
    ...costsOfEvent,
    batchTailMicros: ofBatches.otherMicros,
    residentMib: resident / NODES / KIB / KIB,
  }
}

function batchOf({ port }: Place): WireRequest {
  const lines = `${JSON.stringify({ data: EVENT_DATA })}\n`.repeat(BATCH)
  return post(port, '/topics/quiet', lines, { 'Content-Type': 'application/x-ndjson' })
}

/** Costs of one event for the engine, the node that it is published on, and each further node. */
type EventCosts = Record<'engineMicros' | 'publisherMicros' | 'otherMicros' | 'sentBytes', number>

async function published(
  engine: Engine,
  nodes: readonly ServerProcess[],
  request: WireRequest,
  size: Size,
  { rate, events: perRequest }: { rate: number; events: number } = { rate: RATE, events: 1 },
): Promise<EventCosts> {
  const events = rate * perRequest * seconds(size)
  const sentBefore = await sentBytes(engine.port)
  const counts = [engine, ...nodes].map((server) => countCpu(server.pids()))
  await publishSteadily(request, { connections: 32, rate, seconds: seconds(size) })
  const [engineMicros = 0, publisherMicros = 0, ...others] = counts.map((micros) => micros() / events)
  return {
    engineMicros,
    publisherMicros,
    otherMicros: others.reduce((sum, micros) => sum + micros, 0) / others.length,
    sentBytes: ((await sentBytes(engine.port)) - sentBefore) / events,
  }
}

function meanOf(a: EventCosts, b: EventCosts): EventCosts {
  const mean = (key: keyof EventCosts) => (a[key] + b[key]) / 2
  return {
    engineMicros: mean('engineMicros'),
    publisherMicros: mean('publisherMicros'),
    otherMicros: mean('otherMicros'),
    sentBytes: mean('sentBytes'),
  }
}

async function deliveries(peer: Fleet, at: Place, hub: ServerProcess, size: Size) {
  await using readers = await openReaders(peer.subscribe(at, 'busy'), { count: READERS })
  const request = peer.publish(at, 'busy', EVENT_DATA)
  const load = { connections: 8, rate: READ_RATE }
  await publish(request, { ...load, seconds: size.pick(1, 0.5) })
  await readers.reset()
  const bytesBefore = (await readers.report()).bytes
  const cpu = countCpu(hub.pids())
  await publishSteadily(request, { ...load, seconds: seconds(size) })
  await sleep(200)
  const micros = cpu()
  const { deliveries: count, bytes } = await readers.report()
  return { micros, count, bytes: (bytes - bytesBefore) / count + PACKET_BYTES }
}

/**
 * Of a node that has done nothing else. The kernel keeps a socket for each end of a connection on this machine, and of
 * these only one is the hub's.
 */
async function idleMemory(peer: Fleet, at: Place, engine: Engine) {
  await using hub = await peer.startNode(at, engine)
  const subscribe = peer.subscribe(at, 'idle')
  {
    // The first readers cost more than each further one.
    await using some = await openReaders(subscribe, { count: 100 })
    await publish(peer.publish(at, 'idle', EVENT_DATA), { connections: 4, rate: 50, seconds: 1 })
    await some.report()
  }
  const before = { resident: residentBytes(hub.pids()), slab: slabBytes() }
  await using readers = await openReaders(subscribe, { count: IDLE_READERS })
  await sleep(500)
  const { closed } = await readers.report()
  if (closed > 0) throw new Error(`${closed} of ${IDLE_READERS} idle readers were closed`)
  return {
    readerKib: (residentBytes(hub.pids()) - before.resident) / KIB / IDLE_READERS,
    socketKib: (slabBytes() - before.slab) / 2 / KIB / IDLE_READERS,
  }
}
