import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { onlyProcess, TAILRACE_ROUTES } from '@tailrace/http'
import type { Gate, Route } from '@tailrace/http'
import { READ_ONLY_GATE } from '@tailrace/http/gate'
import {
  ArrivalQueue,
  createCompression,
  createHandler,
  createHttp2,
  createHttpServer,
  PendingConnections,
  takePlainRequests,
} from '@tailrace/http/node'
import type { ServerLimits } from '@tailrace/http/node'
import { createHub, DEFAULT_STALL_MS } from '@tailrace/hub'
import type { Hub, HubOptions } from '@tailrace/hub'
import { openLog } from '@tailrace/log'
import type { EventLog, LogOptions } from '@tailrace/log'
import { alone } from './crew.ts'
import type { Crew } from './crew.ts'
import { createDoors } from './doors.ts'
import type { Doors } from './doors.ts'
import { createPressure } from './limits/pressure.ts'
import type { Pressure } from './limits/pressure.ts'
import { availableMemory, connectionBound, limitConnections, readFileLimit } from './net/connection-limit.ts'
import type { ConnectionBound } from './net/connection-limit.ts'
import { listen, requireFree } from './net/listen.ts'
import { useMultisend } from './net/multisend.ts'
import { trackSockets } from './net/sockets.ts'
import { createTlsServer } from './net/tls.ts'
import type { TlsFiles } from './net/tls.ts'
import { metricsRoute } from './observe/metrics-route.ts'
import { PLAIN_JOURNAL } from './observe/journal.ts'
import type { Journal } from './observe/journal.ts'
import { createMetrics } from './observe/metrics.ts'
import { createPeerWatch } from './peers/watch.ts'
import { welcomeRoute } from './welcome.ts'

/** Time for completing current responses when the hub stops, in milliseconds. */
const MAX_LAST_ANSWERS_MS = 3_000
const DEFAULT_LIMITS: ServerLimits = {
  maxHeadBytes: 16 * 1024,
  headTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
}

/** The parts of the server from which a gate is made, besides its own options. */
export interface GateParts {
  readonly log: EventLog
  readonly hub: Hub
  /** The processes that serve the hub. @internal */
  readonly crew: Crew
  warn(line: string): void
  /** Reports a failure that no client learns of. */
  failed(error: unknown): void
  /** Aborted when the server stops. */
  readonly signal: AbortSignal
}

export interface ServerOptions {
  /** The URL of a log ({@link openLog}), or an open log, which is still open after the server has stopped. */
  readonly log: string | EventLog
  /** The password for the engine of the log. @defaultValue that in the URL, if any */
  readonly logPassword?: string | undefined
  /** Refuse a log that could lose acknowledged events, rather than warn. @defaultValue false */
  readonly requireDurable?: boolean | undefined
  /** @defaultValue `127.0.0.1` */
  readonly host?: string | undefined
  /** 0 chooses a free port. @defaultValue 4242 */
  readonly port?: number | undefined
  /**
   * Decides who may do what: a gate, for example of `createAppGate`, or a function that creates it once the hub has
   * started, even if its log cannot be reached yet. @defaultValue anyone on this machine may subscribe, nobody may publish or purge
   */
  readonly gate?: Gate | ((parts: GateParts) => Gate | Promise<Gate>) | undefined
  /** Endpoints in addition to those of the protocol. @defaultValue none */
  readonly routes?: readonly Route[] | undefined
  /** Files of a certificate and its key. @defaultValue no TLS */
  readonly tls?: TlsFiles | undefined
  /**
   * Compress streams and pages of JSON for clients that accept it. Not for streams in which an attacker's events share a
   * connection with the secrets of others (`createCompression`). @defaultValue false
   */
  readonly compress?: boolean | undefined
  /** @defaultValue the name of the node is that of the host */
  readonly hub?: Omit<HubOptions, 'onError' | 'onInterruption'> | undefined
  /** Bounds on what a client may send, and how slowly. @defaultValue 16 KiB; 10, 60 and 30 seconds */
  readonly limits?: Partial<ServerLimits> | undefined
  /** @defaultValue as many as open files and half of the memory allow */
  readonly maxConnections?: number | undefined
  /** Memory for connections that have not completed their TLS handshake or first request head. @defaultValue 64 MiB */
  readonly maxPendingBytes?: number | undefined
  /** Use `@tailrace/multisend` if it is installed. @defaultValue true */
  readonly multisend?: boolean | undefined
  /** Receives everything that an operator should know. @defaultValue lines on standard error */
  readonly journal?: Journal | undefined
}

/** A running server. */
export interface Running {
  readonly url: string
  readonly port: number
  readonly hub: Hub
  /**
   * Admits no more readers, and ends all streams, spread over this many milliseconds, so that not all readers return at
   * once.
   */
  drain(overMs: number): Promise<void>
  /** Ends all streams, completes current answers, and closes every connection, and the log if the server opened it. */
  stop(): Promise<void>
}

/**
 * Starts the server of `tailrace serve`: a hub on a log, served over HTTP/1.1 and HTTP/2.
 *
 * @throws ListenError, LogError, or RangeError that names the option, the rule and the value
 */
export async function startServer(options: ServerOptions): Promise<Running> {
  const { host = '127.0.0.1', port = 4242 } = options
  await requireFree({ host, port })
  return startServerIn(alone(), options)
}

/** Starts one of the processes that serve a hub together. @internal */
export async function startServerIn(crew: Crew, options: ServerOptions): Promise<Running> {
  const { host = '127.0.0.1', tls, multisend = true, journal = PLAIN_JOURNAL } = options
  // Before there are worker threads.
  const bound = connectionBound(
    options.maxConnections,
    readFileLimit(),
    tls !== undefined,
    availableMemory(),
    crew.size,
  )
  if (multisend) await useMultisend()
  const log = typeof options.log === 'string' ? await openLog(options.log, logOptions(options)) : options.log
  const stopping = new AbortController()
  const pressure = createPressure(bound.streams, crew.ledger, crew.own(bound.each.streams))
  /** The steps to undo, last one first. */
  const undo: (() => unknown)[] = [
    () => (log === options.log ? undefined : log.close()),
    () => pressure.stop(),
    () => stopping.abort(),
  ]

  async function stop(): Promise<void> {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step()
  }

  try {
    const hub = await createHub({
      log,
      node: hostname(),
      ...options.hub,
      onError: journal.failed,
      onInterruption: (reason) => (reason === undefined ? journal.resumed() : journal.interrupted(reason)),
    })
    undo.push(() => hub.close())
    const { gate = READ_ONLY_GATE } = options
    const { warn, failed } = journal
    const parts = { log, hub, crew, warn, failed, signal: stopping.signal }
    const doors = createDoors(typeof gate === 'function' ? await gate(parts) : gate, pressure)
    const listener = await serve(options, { hub, doors, bound, pressure, journal, undo, crew })
    const { port: chosen } = listener.address() as AddressInfo
    const name = host.includes(':') ? `[${host}]` : host
    return {
      url: `${tls === undefined ? 'http' : 'https'}://${name}:${chosen}`,
      port: chosen,
      hub,
      async drain(overMs) {
        doors.close()
        await hub.drain(overMs)
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function logOptions({ logPassword, requireDurable, journal = PLAIN_JOURNAL }: ServerOptions): LogOptions {
  return { password: logPassword, requireDurable, warn: journal.warn }
}

interface Parts {
  readonly hub: Hub
  readonly doors: Doors
  readonly bound: ConnectionBound
  readonly pressure: Pressure
  readonly journal: Journal
  readonly undo: (() => unknown)[]
  readonly crew: Crew
}

/** Serves a hub on a port. */
async function serve(
  { host = '127.0.0.1', port = 4242, routes: more = [], tls, maxPendingBytes, ...options }: ServerOptions,
  { hub, doors: gate, bound, pressure, journal, undo, crew }: Parts,
): Promise<Server> {
  const stallMs = options.hub?.stallMs ?? DEFAULT_STALL_MS
  const limits = { ...DEFAULT_LIMITS, answerTimeoutMs: stallMs, ...options.limits }
  const pending = new PendingConnections(maxPendingBytes)
  const arrivals = new ArrivalQueue()
  const metrics = createMetrics(hub, { pressure, pending, bodies: gate.bodies, pages: gate.pages })
  const sockets = new Set<Socket>()
  const peers = createPeerWatch(sockets, stallMs, journal.failed)
  const everyone = crew.join({
    ...onlyProcess(hub, gate),
    metrics: metrics.snapshot,
    counters: metrics.counters,
    sockets: () => sockets.size,
  })
  const routes = [...TAILRACE_ROUTES, metricsRoute(everyone.metrics), welcomeRoute(), ...more]
  const onRefused = metrics.refused
  const compression = options.compress === true ? createCompression() : undefined
  const protocol = {
    gate,
    routes,
    processes: everyone,
    peers,
    compression,
    onError: journal.failed,
    onRefused,
  }
  const handler = createHandler(hub, protocol)
  const http1 = createHttpServer(handler, limits, onRefused)
  const http2 = createHttp2(handler, limits, { onRefused, pending })
  const served = { http2, pending, arrivals }
  const front = takePlainRequests(http1, hub, limits, { ...served, ...protocol })
  const handshakeMs = limits.headTimeoutMs
  const listener: Server =
    tls === undefined
      ? http1
      : createTlsServer(tls, { ...served, http1, handshakeMs, ticketKeys: crew.ticketKeys }, journal.warn)
  undo.push(async () => {
    const closed = listener.listening ? once(listener, 'close') : undefined
    listener.close()
    front.stop()
    // A probe of a load balancer, perhaps, that has only connected.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    await hub.close()
    http1.closeIdleConnections()
    http2.close()
    await Promise.race([closed, delay(MAX_LAST_ANSWERS_MS, undefined, { ref: false })])
    http1.closeAllConnections()
    http2.cut()
    front.cut()
    peers.stop()
    // A connection that is closed gracefully waits for its peer, which may be gone.
    for (const socket of sockets) socket.resetAndDestroy()
  })
  trackSockets(listener, sockets)
  limitConnections(listener, bound, journal.warn)
  crew.onOthers((others) => {
    listener.maxConnections = Math.max(0, Math.min(bound.each.connections, bound.connections - others))
  })
  metrics.watch(listener)
  await listen(listener, { host, port, reusePort: crew.size > 1 })
  peers.start(listener)
  return listener
}
