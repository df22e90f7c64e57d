/** What one unit of work costs, as measured. CPU is in microseconds of one core. */
export interface UnitCosts {
  /** Resident memory of a hub without readers. */
  readonly hubMib: number
  /** Memory of the hub for each reader, and of the kernel for its connection. */
  readonly readerKib: number
  readonly socketKib: number
  /** For writing one event to one reader, not batched with others. */
  readonly deliveryMicros: number
  /** For receiving one event from the engine, on every node, whether or not it has a reader for it. */
  readonly tailMicros: number
  /** For publishing one event, on the node that it is published to, in addition to the tail. */
  readonly publishMicros: number
  /** Of the engine: for storing one event, and for sending it to one node. */
  readonly storeMicros: number
  readonly sendMicros: number
  /** From the engine to one node, for one event. */
  readonly tailBytes: number
  /** From a hub to one reader, for one event, with the headers of its packet. */
  readonly deliveryBytes: number
}

/** What is asked of all nodes together. */
export interface Load {
  readonly readers: number
  /** Events published per second. */
  readonly published: number
  /** Events that each reader receives per second. */
  readonly received: number
}

export interface Prediction {
  /** Of each node. CPU is in cores. */
  readonly node: { readonly cpu: number; readonly memoryMib: number; readonly egressMbit: number }
  readonly engine: { readonly cpu: number; readonly egressMbit: number }
}

/** `--heartbeat`: a reader that receives nothing else is sent a comment this often. It costs no more than an event. */
const HEARTBEAT_SECONDS = 15

/** How often something is written to a reader, per second. */
const writesTo = (received: number): number => Math.max(received, 1 / HEARTBEAT_SECONDS)

const bits = (bytes: number): number => (bytes * 8) / 1e6

/** What `nodes` nodes on one log need, if readers and publishers are spread evenly over them. */
export function predict({ readers, published, received }: Load, nodes: number, costs: UnitCosts): Prediction {
  const readersEach = readers / nodes
  const deliveries = readersEach * writesTo(received)
  const nodeMicros =
    deliveries * costs.deliveryMicros +
    published * costs.tailMicros +
    (published / nodes) * costs.publishMicros
  return {
    node: {
      cpu: nodeMicros / 1e6,
      memoryMib: costs.hubMib + (readersEach * (costs.readerKib + costs.socketKib)) / 1024,
      egressMbit: bits(deliveries * costs.deliveryBytes),
    },
    engine: {
      cpu: (published * (costs.storeMicros + nodes * costs.sendMicros)) / 1e6,
      egressMbit: bits(published * nodes * costs.tailBytes),
    },
  }
}

/** How far anything may be loaded: the rest is for bursts, and for the readers of a node that fails. */
export interface Limits {
  /** Cores, of the one that a hub can use. */
  readonly nodeCpu: number
  readonly nodeMemoryMib: number
  readonly nodeMbit: number
  readonly nodeReaders: number
  readonly engineCpu: number
  readonly engineMbit: number
}

export type Bound = keyof Limits

export interface Plan {
  /** Separate logs, each with its own engine and nodes. Topics are divided among them by prefix. */
  readonly logs: number
  /** Of each log. */
  readonly nodes: number
  /** What is nearest to its limit. */
  readonly bound: Bound
  readonly prediction: Prediction
}

/** More would be a different design. */
const MAX_LOGS = 10_000

/** The fewest logs, and then the fewest nodes on each, that stay within the limits. */
export function plan(load: Load, costs: UnitCosts, limits: Limits): Plan {
  for (let logs = 1; logs <= MAX_LOGS; logs++) {
    const share = { ...load, readers: load.readers / logs, published: load.published / logs }
    const nodes = fewestNodes(share, costs, limits)
    if (nodes === undefined) continue
    const prediction = predict(share, nodes, costs)
    const [bound, use] = mostUsed(usesOf(share, nodes, prediction, limits))
    if (use <= 1) return { logs, nodes, bound, prediction }
  }
  throw new RangeError(`\`load\` needs more than ${MAX_LOGS} logs`)
}

/** The fewest nodes with which each stays within its limits. Undefined if the tail alone is too much for a node. */
function fewestNodes(load: Load, costs: UnitCosts, limits: Limits): number | undefined {
  const { nodeCpu, nodeMemoryMib, nodeMbit, nodeReaders } = limits
  const cpuLeft = nodeCpu * 1e6 - load.published * costs.tailMicros
  const memoryLeft = nodeMemoryMib - costs.hubMib
  if (cpuLeft <= 0 || memoryLeft <= 0) return undefined
  const whole = predict(load, 1, costs)
  const divisibleMicros =
    load.readers * writesTo(load.received) * costs.deliveryMicros + load.published * costs.publishMicros
  const shares = [
    divisibleMicros / cpuLeft,
    (whole.node.memoryMib - costs.hubMib) / memoryLeft,
    whole.node.egressMbit / nodeMbit,
    load.readers / nodeReaders,
  ]
  return Math.max(1, ...shares.map(Math.ceil))
}

function usesOf(
  { readers }: Load,
  nodes: number,
  { node, engine }: Prediction,
  limits: Limits,
): [Bound, number][] {
  return [
    ['nodeCpu', node.cpu / limits.nodeCpu],
    ['nodeMemoryMib', node.memoryMib / limits.nodeMemoryMib],
    ['nodeMbit', node.egressMbit / limits.nodeMbit],
    ['nodeReaders', readers / nodes / limits.nodeReaders],
    ['engineCpu', engine.cpu / limits.engineCpu],
    ['engineMbit', engine.egressMbit / limits.engineMbit],
  ]
}

function mostUsed(uses: readonly [Bound, number][]): [Bound, number] {
  return uses.reduce((most, use) => (use[1] > most[1] ? use : most))
}
