import type { Server } from 'node:net'
import { promisify } from 'node:util'
import { STATUS } from '@tailrace/http'
import type { ProblemCode } from '@tailrace/http'
import { MEMORY_LIMITS } from '@tailrace/http/gate'
import type { Budget, MemoryLimit } from '@tailrace/http/gate'
import { groupedWrites, PENDING_LIMIT } from '@tailrace/http/node'
import type { PendingConnections } from '@tailrace/http/node'
import type { Hub } from '@tailrace/hub'
import { Gauge, Registry } from 'prom-client'
import { CLIENT_LIMITS } from '../limits/limits.ts'
import type { ClientLimit } from '../limits/limits.ts'
import type { Pressure } from '../limits/pressure.ts'
import { countOf, countsOf, histogramOf } from './counted.ts'
import { addProcessMetrics, countersOf, snapshotOf } from './snapshot.ts'
import type { MetricSnapshot } from './snapshot.ts'

/** How a stream is written: to the bare socket, or through `node:http` or `node:http2`. */
const TRANSPORTS = ['socket', 'http1', 'http2']
const STATES = ['live', 'behind', 'blocked', 'stalled'] as const

/** The metrics of this process. */
export interface Metrics {
  /** As of now. */
  snapshot(): Promise<MetricSnapshot>
  /** Those that only grow. */
  counters(): Promise<MetricSnapshot>
  /** Counts a refused request, whether for a limit of its client or otherwise. */
  refused(code: ProblemCode, limit?: string): void
  /** Counts the connections of a listener, and those that it drops. */
  watch(listener: Server): void
}

/** The setting of the limit for which a request is refused, if any. */
type RequestLimit = ClientLimit | MemoryLimit
const REQUEST_LIMITS: readonly RequestLimit[] = [...CLIENT_LIMITS, ...MEMORY_LIMITS]

function isRequestLimit(limit: string): limit is RequestLimit {
  return (REQUEST_LIMITS as readonly string[]).includes(limit)
}

/** The limits that all clients share. */
export interface Budgets {
  readonly pressure: Pick<Pressure, 'turnMs'>
  readonly pending: PendingConnections
  readonly bodies: Budget
  readonly pages: Budget
}

export function createMetrics(hub: Hub, budgets: Budgets): Metrics {
  const registry = new Registry()
  const refusals = Object.fromEntries(Object.keys(STATUS).map((code) => [code, 0])) as Record<
    ProblemCode,
    number
  >
  const limitsHit = Object.fromEntries(REQUEST_LIMITS.map((limit) => [limit, 0])) as Record<
    RequestLimit,
    number
  >
  let listener: Server | undefined
  let dropped = 0

  describeHub(registry, hub)
  countsOf(
    registry,
    {
      name: 'tailrace_refusals_total',
      label: 'code',
      help: 'Requests refused, by problem code.',
    },
    () => refusals,
  )
  countsOf(
    registry,
    {
      name: 'tailrace_limits_hit_total',
      label: 'limit',
      help: 'Requests refused and connections closed because of a limit, by the setting of the limit.',
    },
    () => ({ ...limitsHit, [PENDING_LIMIT]: budgets.pending.cuts }),
  )
  describeBudgets(registry, budgets)
  countOf(
    registry,
    {
      name: 'tailrace_connections_dropped_total',
      help: 'Connections closed on arrival because too many were open.',
    },
    () => dropped,
  )
  const sockets = new Gauge({
    name: 'tailrace_sockets',
    help: 'Open connections, including those without a stream.',
    registers: [],
    async collect() {
      if (listener !== undefined) this.set(await promisify(listener.getConnections.bind(listener))())
    },
  })
  registry.registerMetric(sockets)
  const turn = new Gauge({
    name: 'tailrace_turn_seconds',
    help: 'Median duration of an event loop iteration over the last second. From 0.2 on, new streams are refused.',
    aggregator: 'max',
    registers: [],
    collect() {
      this.set(budgets.pressure.turnMs / 1_000)
    },
  })
  registry.registerMetric(turn)
  addProcessMetrics(registry)

  return {
    snapshot: () => snapshotOf(registry),
    counters: () => countersOf(registry),
    refused(code, limit) {
      refusals[code] += 1
      if (limit !== undefined && isRequestLimit(limit)) limitsHit[limit] += 1
    },
    watch(server) {
      listener = server
      server.on('drop', () => {
        dropped += 1
      })
    },
  }
}

function describeBudgets(registry: Registry, { pending, bodies, pages }: Budgets): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          this.set(read())
        },
      }),
    )
  gauge(
    'tailrace_pending_bytes',
    'Memory held by connections without a complete TLS handshake or request head.',
    () => pending.bytes,
  )
  gauge('tailrace_bodies_bytes', 'Memory held by request bodies being received.', () => bodies.used)
  gauge('tailrace_history_bytes', 'Memory held by pages of history being sent.', () => pages.used)
}

function describeHub(registry: Registry, hub: Hub): void {
  const { counters } = hub
  const info = new Gauge({
    name: 'tailrace_node_info',
    help: 'Always 1. The label is the name of the hub among those that share its log.',
    labelNames: ['node'],
    aggregator: 'max',
    registers: [],
  })
  info.set({ node: hub.node }, 1)
  registry.registerMetric(info)
  const count = (name: string, help: string, read: () => number): void =>
    countOf(registry, { name, help }, read)

  const connections = new Gauge({
    name: 'tailrace_connections',
    help: 'Open streams, by transport and by how far their readers have got.',
    labelNames: ['transport', 'state'],
    registers: [],
    async collect() {
      const tally = new Map(
        TRANSPORTS.flatMap((transport) => STATES.map((state) => [`${transport} ${state}`, 0])),
      )
      await hub.survey(({ reader, state }) => {
        const key = `${reader?.transport ?? 'other'} ${state}`
        tally.set(key, (tally.get(key) ?? 0) + 1)
      })
      this.reset()
      for (const [key, streams] of tally) {
        const [transport, state] = key.split(' ')
        this.set({ transport: transport!, state: state! }, streams)
      }
    },
  })
  registry.registerMetric(connections)
  count('tailrace_streams_total', 'Streams opened.', () => counters.streams)
  countsOf(
    registry,
    {
      name: 'tailrace_closes_total',
      label: 'reason',
      help: 'Streams ended, by reason.',
    },
    () => counters.closes,
  )
  countsOf(
    registry,
    {
      name: 'tailrace_gaps_total',
      label: 'reason',
      help: 'Gaps reported to readers, by reason.',
    },
    () => counters.gaps,
  )
  count(
    'tailrace_publishes_total',
    'Publishes stored, each a batch or a single event.',
    () => counters.publishes,
  )
  count(
    'tailrace_duplicates_total',
    'Events not stored again because their idempotency key was known.',
    () => counters.duplicates,
  )
  histogramOf(
    registry,
    { name: 'tailrace_commit_seconds', help: 'Time from a publish to its commit.' },
    counters.commitSeconds,
  )
  histogramOf(registry, { name: 'tailrace_commit_events', help: 'Events per commit.' }, counters.commitEvents)
  histogramOf(
    registry,
    {
      name: 'tailrace_delivery_lag_seconds',
      help: 'Time from an event until it was written to all readers of its topics that were ready for it.',
    },
    counters.lagSeconds,
  )
  count(
    'tailrace_deliveries_total',
    'Events written to readers, counted once per reader.',
    () => counters.deliveries,
  )
  count(
    'tailrace_sent_bytes_total',
    'Bytes written to readers, without HTTP framing.',
    () => counters.bytesSent,
  )
  count(
    'tailrace_grouped_writes_total',
    'Writes to readers that reached the kernel in one call for a group of them. 0 without @tailrace/multisend.',
    groupedWrites,
  )
  count('tailrace_window_hits_total', 'Writes served from a window in memory.', () => counters.windowHits)
  count(
    'tailrace_replays_total',
    'Pages of replay written to readers that were behind.',
    () => counters.replays,
  )
  count(
    'tailrace_log_reads_total',
    'Pages read from the log, for replays and history.',
    () => counters.logReads,
  )
  registry.registerMetric(
    new Gauge({
      name: 'tailrace_log_reads_waiting',
      help: 'Reads of the log waiting for their turn.',
      registers: [],
      collect() {
        this.set(counters.readsWaiting)
      },
    }),
  )
  registry.registerMetric(
    new Gauge({
      name: 'tailrace_log_interrupted',
      help: '1 while the log cannot be reached, 0 otherwise.',
      aggregator: 'max',
      registers: [],
      collect() {
        this.set(hub.interruption === undefined ? 0 : 1)
      },
    }),
  )
  count(
    'tailrace_log_reads_refused_total',
    'Reads of the log refused because too many were waiting.',
    () => counters.readsRefused,
  )
}
