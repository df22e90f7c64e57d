import { number, table } from '../report.ts'
import { medianOf, type Results } from '../results.ts'
import { type Bound, type Limits, type Load, plan, predict, type UnitCosts } from './capacity.ts'
import { SIMULATED, simulatedLoad } from './scenarios/simulation.ts'
import { unitCosts } from './scenarios/unit-costs.ts'

const GIB = 1024

/** The limits of the plans: one hub per core, on machines with 4 GiB and 1 Gbit/s for each hub. */
const LIMITS: Limits = {
  nodeCpu: 0.6,
  nodeMemoryMib: 4 * GIB,
  nodeMbit: 600,
  nodeReaders: 100_000,
  engineCpu: 0.6,
  engineMbit: 6000,
}

const BOUND_NAMES: Record<Bound, string> = {
  nodeCpu: 'CPU of a node',
  nodeMemoryMib: 'memory of a node',
  nodeMbit: 'network of a node',
  nodeReaders: 'readers per node',
  engineCpu: 'CPU of the engine',
  engineMbit: 'network of the engine',
}

interface Workload {
  readonly title: string
  load(readers: number): Load
}

/** Where every reader reads the same few topics, and where each one has its own. */
const WORKLOADS: readonly Workload[] = [
  {
    title: 'a scoreboard: all read the same topics, an event every 5 s',
    load: (readers) => ({ readers, published: 50, received: 0.2 }),
  },
  {
    title: 'orders: each reads its own topic, an event every 100 s',
    load: (readers) => ({ readers, published: readers / 100, received: 0.01 }),
  },
]

const SIZES = [10_000, 100_000, 1_000_000, 10_000_000]

/** The medians of the unit costs of an engine. Undefined if one of them was not measured. */
export function costsOf(results: Results, engine: string): UnitCosts | undefined {
  const entries = Object.keys(COST_NAMES).map(
    (key) => [key, medianOf(results, unitCosts.name, engine, key)] as const,
  )
  return entries.some(([, value]) => Number.isNaN(value))
    ? undefined
    : (Object.fromEntries(entries) as unknown as UnitCosts)
}

const COST_NAMES: Record<keyof UnitCosts, string> = {
  hubMib: 'memory of a hub without readers, MiB',
  readerKib: 'memory of the hub for a reader, KiB',
  socketKib: 'memory of the kernel for its connection, KiB',
  deliveryMicros: 'CPU of the hub for a delivery, µs',
  tailMicros: 'CPU of each hub for an event of the log, µs',
  publishMicros: 'CPU of one hub for publishing it, µs',
  storeMicros: 'CPU of Redis for storing it, µs',
  sendMicros: 'CPU of Redis for sending it to one node, µs',
  tailBytes: 'bytes from Redis to one node, for an event',
  deliveryBytes: 'bytes from a hub to a reader, for an event',
}

/** The inputs of the model. */
export function costTable(results: Results): string {
  const costs = costsOf(results, 'redis')
  if (costs === undefined) return 'Not measured.\n'
  const rows = Object.entries(COST_NAMES).map(([key, name]) => {
    const cost = costs[key as keyof UnitCosts]
    return [name, number(cost, cost < 10 ? 1 : 0)]
  })
  return table(['input', 'measured on Redis'], rows)
}

/** The rates at which the tail alone uses half of a core of every node. */
export function stopTable(results: Results): string {
  const rows = results.peers
    .map(({ name, title }) => {
      const rateOf = (key: string) => 500_000 / medianOf(results, unitCosts.name, name, key)
      return { title, single: rateOf('tailMicros'), batched: rateOf('batchTailMicros') }
    })
    .filter(({ single }) => !Number.isNaN(single))
    .map(({ title, single, batched }) => [
      title.replace('Tailrace on ', ''),
      `${number(single, 0)}/s`,
      `${number(batched, 0)}/s`,
    ])
  return table(['', 'single events', 'in batches of 50'], rows)
}

/** The model, one step after another, for one fleet. */
export function exampleTable(results: Results): string {
  const costs = costsOf(results, 'redis')
  if (costs === undefined) return 'Not measured.\n'
  const nodes = 4
  const load: Load = { readers: 200_000, published: 2000, received: 0.5 }
  const { node, engine } = predict(load, nodes, costs)
  const readersEach = load.readers / nodes
  const deliveries = readersEach * load.received
  const of = (value: number, digits = 0) => number(value, digits)
  const cpu = (events: number, micros: number) =>
    `${of(events)} × ${of(micros, 1)} µs = ${of((events * micros) / 1e4, 1)}%`
  const perReader = costs.readerKib + costs.socketKib
  const rows = [
    ['deliveries of a node', `${of(readersEach)} readers × ${load.received} = ${of(deliveries)}/s`],
    ['CPU of a node for them', cpu(deliveries, costs.deliveryMicros)],
    ['CPU of a node for the tail', cpu(load.published, costs.tailMicros)],
    ['CPU of a node for its share of the publishes', cpu(load.published / nodes, costs.publishMicros)],
    ['**CPU of a node**', `**${of(node.cpu * 100)}% of a core**`],
    [
      '**memory of a node**',
      `${of(costs.hubMib)} MiB + ${of(readersEach)} × ${of(perReader, 1)} KiB = **${of(node.memoryMib)} MiB**`,
    ],
    [
      '**network of a node**',
      `${of(deliveries)} × ${of(costs.deliveryBytes)} bytes = **${of(node.egressMbit)} Mbit/s**`,
    ],
    [
      '**CPU of the engine**',
      `${of(load.published)} × (${of(costs.storeMicros, 1)} µs + ${nodes} nodes × ${of(costs.sendMicros, 1)} µs) = **${of(engine.cpu * 100)}% of a core**`,
    ],
    [
      '**network of the engine**',
      `${of(load.published)} × ${nodes} nodes × ${of(costs.tailBytes)} bytes = **${of(engine.egressMbit)} Mbit/s**`,
    ],
  ]
  return table(
    ['', ''],
    rows.map(([what = '', sum = '']) => [what, sum]),
  )
}

/** What the model predicts for the simulation, next to what was measured. */
export function validationTable(results: Results): string {
  const costs = costsOf(results, 'redis')
  if (costs === undefined) return 'Not measured.\n'
  const rows = SIMULATED.flatMap((nodes) => {
    const { node, engine } = predict(simulatedLoad(nodes), nodes, costs)
    const measured = (key: string) => medianOf(results, 'simulation', 'redis', `${key}${nodes}`)
    // Resident memory does not include the sockets, which are the kernel's.
    const socketsMib = (simulatedLoad(nodes).readers * costs.socketKib) / 1024
    return [
      ['CPU of the nodes, % of a core', node.cpu * nodes * 100, measured('nodesCpu'), 1] as const,
      ['memory of the nodes, MiB', node.memoryMib * nodes - socketsMib, measured('nodesMib'), 0] as const,
      ['CPU of the engine, % of a core', engine.cpu * 100, measured('engineCpu'), 1] as const,
      ['sent by the engine, KiB/s', (engine.egressMbit * 1e6) / 8 / 1024, measured('engineKib'), 0] as const,
    ].map(([figure, predicted, actual, digits]) => [
      String(nodes),
      figure,
      number(predicted, digits),
      number(actual, digits),
      Number.isNaN(actual) ? '–' : `${number((predicted / actual - 1) * 100, 0)}%`,
    ])
  })
  return table(['nodes', '', 'predicted', 'measured', 'error'], rows)
}

/** The plans for four sizes of two workloads. */
export function planTable(results: Results): string {
  const costs = costsOf(results, 'redis')
  if (costs === undefined) return 'Not measured.\n'
  const rows = WORKLOADS.flatMap(({ title, load }) =>
    SIZES.map((readers) => {
      const asked = load(readers)
      const { logs, nodes, bound, prediction } = plan(asked, costs, LIMITS)
      const { node, engine } = prediction
      return [
        title,
        number(readers, 0),
        number(asked.published, 0),
        number(logs, 0),
        number(nodes, 0),
        `${number(node.cpu * 100, 0)}%`,
        `${number(node.memoryMib / GIB, 2)} GiB`,
        `${number(engine.cpu * 100, 0)}%`,
        `${number(engine.egressMbit, 0)} Mbit/s`,
        BOUND_NAMES[bound],
      ]
    }),
  )
  const titles = ['', 'readers', 'events/s', 'logs', 'nodes each', 'CPU of a node', 'memory of a node']
  return table([...titles, 'CPU of the engine', 'its network', 'nearest its limit'], rows)
}
