import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '../../load/publish.ts'
import { openReaders } from '../../load/readers.ts'
import { EVENT_DATA } from '../../measure.ts'
import type { Figures, Scenario, Size, Trial } from '../../scenario.ts'
import type { ServerProcess } from '../../server-process.ts'
import { countCpu, residentBytes } from '../../usage.ts'
import type { Load } from '../capacity.ts'
import { sentBytes } from '../engines/sockets.ts'
import type { Engine } from '../engines/engine.ts'
import { type Fleet, placeOf, together } from '../fleet.ts'
import { publishSteadily } from '../steady.ts'

const MIB = 1024 * 1024
const READERS_EACH = 2000
const READ_RATE = 10
const OTHER_RATE = 990
const seconds = (size: Size) => size.pick(3, 1)

/** The numbers of nodes that are simulated. */
export const SIMULATED: readonly number[] = [1, 2, 4]

/** The load of the simulation with so many nodes. */
export function simulatedLoad(nodes: number): Load {
  return { readers: READERS_EACH * nodes, published: READ_RATE + OTHER_RATE, received: READ_RATE }
}

export const simulation: Scenario<Fleet> = {
  name: 'simulation',
  title: 'A small fleet',
  describe: (size) =>
    `${SIMULATED.join(', ')} nodes with ${READERS_EACH.toLocaleString('en')} readers each, who all read one topic with ${READ_RATE} events/s of 100 B; ${OTHER_RATE} events/s go to topics without readers; ${seconds(size)} s. All are published on the first node. CPU and memory are those of all nodes together. The capacity model is compared with these figures below.`,
  columns: SIMULATED.flatMap((n) => [
    { key: `nodesCpu${n}`, title: `nodes’ CPU %, ${n}`, digits: 1 },
    { key: `nodesMib${n}`, title: `MiB, ${n}`, digits: 0 },
    { key: `engineCpu${n}`, title: `engine CPU %, ${n}`, digits: 1 },
    { key: `engineKib${n}`, title: `engine KiB/s, ${n}`, digits: 0 },
    { key: `arrived${n}`, title: `arrived %, ${n}`, digits: 1 },
  ]),
  excludes: ({ name }) => (name === 'redis' ? undefined : 'not asked: a trial takes half a minute'),
  run: simulate,
}

async function simulate(trial: Trial<Fleet>): Promise<Figures> {
  const { peer, place, size } = trial
  await using engine = await peer.startEngine()
  await using nodes = new AsyncDisposableStack()
  await using readers = new AsyncDisposableStack()
  const running: ServerProcess[] = []
  const crowds: Awaited<ReturnType<typeof openReaders>>[] = []
  const figures: Record<string, number> = {}
  for (const count of SIMULATED) {
    while (running.length < count) {
      const at = placeOf(place, running.length)
      running.push(nodes.use(await peer.startNode(at, engine)))
      crowds.push(readers.use(await openReaders(peer.subscribe(at, 'crowd'), { count: READERS_EACH })))
    }
    await Promise.all(loads(trial, size.pick(1.5, 0.5)).map((one) => publish(one.request, one)))
    await sleep(200)
    await Promise.all(crowds.map((crowd) => crowd.reset()))
    const used = await usage(engine, running, () =>
      Promise.all(loads(trial, seconds(size)).map((one) => publishSteadily(one.request, one))),
    )
    const reports = await Promise.all(crowds.map((crowd) => crowd.report()))
    const delivered = reports.reduce((sum, { deliveries }) => sum + deliveries, 0)
    figures[`nodesCpu${count}`] = used.nodesMicros / seconds(size) / 1e4
    figures[`nodesMib${count}`] = residentBytes(running.flatMap((node) => node.pids())) / MIB
    figures[`engineCpu${count}`] = used.engineMicros / seconds(size) / 1e4
    figures[`engineKib${count}`] = used.sent / seconds(size) / 1024
    figures[`arrived${count}`] = (delivered / (READ_RATE * seconds(size) * READERS_EACH * count)) * 100
  }
  return figures
}

function loads({ peer, place }: Trial<Fleet>, duration: number) {
  const at = placeOf(place, 0)
  return [
    { request: peer.publish(at, 'crowd', EVENT_DATA), connections: 4, rate: READ_RATE, seconds: duration },
    { request: peer.publish(at, 'others', EVENT_DATA), connections: 32, rate: OTHER_RATE, seconds: duration },
  ]
}

async function usage(engine: Engine, nodes: readonly ServerProcess[], work: () => Promise<unknown>) {
  const sentBefore = await sentBytes(engine.port)
  const [engineMicros, nodesMicros] = [engine, together(nodes)].map((server) => countCpu(server.pids()))
  await work()
  await sleep(200)
  return {
    engineMicros: engineMicros?.() ?? Number.NaN,
    nodesMicros: nodesMicros?.() ?? Number.NaN,
    sent: (await sentBytes(engine.port)) - sentBefore,
  }
}
