import type { Server } from 'node:net'
import { promisify } from 'node:util'
import { STATUS } from '@tailrace/http'
import type { ProblemCode } from '@tailrace/http'
import { MEMORY_LIMITS } from '@tailrace/http/gate'
import type { Budget, MemoryLimit } from '@tailrace/http/gate'
import { PENDING_LIMIT } from '@tailrace/http/node'
import type { PendingConnections } from '@tailrace/http/node'
import type { Hub } from '@tailrace/hub'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { CLIENT_LIMITS } from '../limits/limits.ts'
import type { ClientLimit } from '../limits/limits.ts'
import type { Pressure } from '../limits/pressure.ts'
import { countOf, countsOf, histogramOf } from './counted.ts'

/** How the bytes of a stream travel: on the bare socket, or by `node:http` or `node:http2`. */
const TRANSPORTS = ['socket', 'http1', 'http2']
const STATES = ['live', 'behind', 'blocked', 'stalled'] as const

/**
 * Of what prom-client says of any process, that which makes a list of everything that is open each time it is
 * asked: with many readers, it would hold up those that it measures.
 */
const TOO_DEAR = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'process_open_fds',
]

/** What the hub says of itself to Prometheus. */
export interface Metrics {
  readonly contentType: string
  /** As of now. */
  text(): Promise<string>
  /** A request was refused, for a limit of its client or otherwise. */
  refused(code: ProblemCode, limit?: string): void
  /** Counts the connections of a listener, and those that it drops. */
  watch(listener: Server): void
}

/** A limit for which a request is refused, by its setting. */
type RequestLimit = ClientLimit | MemoryLimit
const REQUEST_LIMITS: readonly RequestLimit[] = [...CLIENT_LIMITS, ...MEMORY_LIMITS]

function isRequestLimit(limit: string): limit is RequestLimit {
  return (REQUEST_LIMITS as readonly string[]).includes(limit)
}

/** What all clients share. */
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
      help: 'Requests that were refused, by the code of the problem.',
    },
    () => refusals,
  )
  countsOf(
    registry,
    {
      name: 'tailrace_limits_hit_total',
      label: 'limit',
      help: 'Requests that were refused and connections that were cut for a limit, by its setting.',
    },
    () => ({ ...limitsHit, [PENDING_LIMIT]: budgets.pending.cuts }),
  )
  describeBudgets(registry, budgets)
  countOf(
    registry,
    {
      name: 'tailrace_connections_dropped_total',
      help: 'Connections that were closed at once because too many are open.',
    },
    () => dropped,
  )
  const sockets = new Gauge({
    name: 'tailrace_sockets',
    help: 'Open connections, those that read no stream included.',
    registers: [],
    async collect() {
      if (listener !== undefined) this.set(await promisify(listener.getConnections.bind(listener))())
    },
  })
  registry.registerMetric(sockets)
  const turn = new Gauge({
    name: 'tailrace_turn_seconds',
    help: 'How long the turns of the event loop take, by the median of the last second; new streams are turned away from 0.2 on.',
    registers: [],
    collect() {
      this.set(budgets.pressure.turnMs / 1_000)
    },
  })
  registry.registerMetric(turn)
  collectDefaultMetrics({ register: registry })
  for (const name of TOO_DEAR) registry.removeSingleMetric(name)

  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
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
    'tailrace_pending_connections',
    'Connections without a complete TLS handshake or request head.',
    () => pending.size,
  )
  gauge('tailrace_bodies_bytes', 'Memory held by request bodies that are being received.', () => bodies.used)
  gauge('tailrace_history_bytes', 'Memory held by pages of history that are being sent.', () => pages.used)
}

function describeHub(registry: Registry, hub: Hub): void {
  const { counters } = hub
  const count = (name: string, help: string, read: () => number): void =>
    countOf(registry, { name, help }, read)

  const connections = new Gauge({
    name: 'tailrace_connections',
    help: 'Open streams, by how their bytes travel and how their readers keep up.',
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
  count('tailrace_streams_total', 'Streams that were opened.', () => counters.streams)
  countsOf(
    registry,
    {
      name: 'tailrace_closes_total',
      label: 'reason',
      help: 'Streams that ended, by why.',
    },
    () => counters.closes,
  )
  countsOf(
    registry,
    {
      name: 'tailrace_gaps_total',
      label: 'reason',
      help: 'Gaps that readers were told of, by why.',
    },
    () => counters.gaps,
  )
  count(
    'tailrace_publishes_total',
    'Publishes that were stored, batches and single events.',
    () => counters.publishes,
  )
  count(
    'tailrace_duplicates_total',
    'Events that were not stored again, because their idempotency key was known.',
    () => counters.duplicates,
  )
  histogramOf(
    registry,
    { name: 'tailrace_commit_seconds', help: 'How long a publish waited for its commit.' },
    counters.commitSeconds,
  )
  histogramOf(
    registry,
    { name: 'tailrace_commit_events', help: 'Events of a commit.' },
    counters.commitEvents,
  )
  histogramOf(
    registry,
    {
      name: 'tailrace_delivery_lag_seconds',
      help: 'From the time of an event until it was written to all readers of its topics that could take it.',
    },
    counters.lagSeconds,
  )
  count(
    'tailrace_deliveries_total',
    'Events that were written to readers, once for each reader.',
    () => counters.deliveries,
  )
  count(
    'tailrace_sent_bytes_total',
    'Bytes that were written to readers, without the framing of HTTP.',
    () => counters.bytesSent,
  )
  count('tailrace_window_hits_total', 'Writes that were served from memory.', () => counters.windowHits)
  count(
    'tailrace_replays_total',
    'Pages that were handed to readers that were behind.',
    () => counters.replays,
  )
  count(
    'tailrace_log_reads_total',
    'Pages that were read from the log, for replays and history.',
    () => counters.logReads,
  )
  registry.registerMetric(
    new Gauge({
      name: 'tailrace_log_reads_waiting',
      help: 'Reads of the log that are waiting for their turn.',
      registers: [],
      collect() {
        this.set(counters.readsWaiting)
      },
    }),
  )
  count(
    'tailrace_log_reads_refused_total',
    'Reads of the log that were refused because too many were waiting.',
    () => counters.readsRefused,
  )
}
