import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Server as NetServer, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { connectionBound, limitConnections, readFileLimit } from '../http/connection-limit.ts'
import type { ConnectionBound } from '../http/connection-limit.ts'
import type { Gate } from '../http/gate.ts'
import { createHandler } from '../http/handler.ts'
import { takeStreams } from '../http/front.ts'
import { createHttp2 } from '../http/http2.ts'
import type { Http2 } from '../http/http2.ts'
import { PendingConnections } from '../http/pending.ts'
import { createHttpServer } from '../http/server.ts'
import { trackSockets } from '../http/sockets.ts'
import { createTlsServer } from '../http/tls.ts'
import type { TlsFiles } from '../http/tls.ts'
import { createPressure } from '../limits/pressure.ts'
import type { Pressure } from '../limits/pressure.ts'
import { loadWelcome } from '../http/welcome.ts'
import { PLAIN_JOURNAL } from '../observe/journal.ts'
import type { Journal } from '../observe/journal.ts'
import { openLog } from '../open-log.ts'
import { createPeerWatch } from '../peers/watch.ts'
import type { PeerWatch } from '../peers/watch.ts'
import { banner } from './banner.ts'
import { listen, requireFree } from './listen.ts'
import { outliveOutput } from './output.ts'
import { gateOf, opennessOf, requireKeys } from './serve-gate.ts'
import { SERVE_SETTINGS } from './serve-settings.ts'
import type { ServeValues } from './serve-settings.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

/** Time for completing responses that are under way when the hub stops. */
const MAX_LAST_ANSWERS_MS = 3_000
/** Time that the process then has to exit by itself. */
const MAX_EXIT_MS = 2_000

export const serve: Verb = verb({
  name: 'serve',
  operands: '',
  summary: 'Run a hub.',
  description: `A retention rule is SELECTOR=BOUNDS. The first rule whose selector matches a topic applies. A bound is an age (7d),
a size of data (1GiB), a number of events (100000events), or forever. Size and number do not remove the newest event of each
key; these events, and the idempotency keys, may each use the same size again.`,
  settings: SERVE_SETTINGS,

  async run(values, operands) {
    if (operands.length > 0)
      throw new UsageError(`serve accepts only options, not ${JSON.stringify(operands[0])}`)
    if (values['head-timeout'] > values['request-timeout']) {
      throw new UsageError('--head-timeout must not exceed --request-timeout, which includes the head')
    }
    outliveOutput()
    const bound = boundOf(values)
    const pressure = createPressure(bound.streams)
    const journal = values['json-logs'] ? await jsonJournal() : PLAIN_JOURNAL
    requireKeys(values)
    await requireFree({ host: values.host, port: values.port })
    const log = await openLog(values.log)
    try {
      const gate = await gateOf(values, log, { pressure, warn: journal.warn })
      const hub = await createHub(log, {
        maxEventBytes: values['max-event'],
        maxBatchBytes: values['max-batch'],
        maxBatchEvents: values['max-batch-events'],
        heartbeatMs: values.heartbeat,
        retryMs: values.retry,
        windowBytes: values.window,
        windowTotalBytes: values['window-total'],
        maxQueuedReads: values['max-queued-reads'],
        batchMs: values.batch,
        stallMs: values['stall-timeout'],
        maxStreamAgeMs: values['max-stream-age'],
        retention: values.retain.map(({ rule }) => rule),
        onError: journal.failed,
        onInterruption: (reason) => (reason === undefined ? journal.resumed() : journal.interrupted(reason)),
      })
      try {
        await run(values, { hub, gate, bound, pressure, journal })
      } finally {
        await hub.close()
      }
    } catch (error) {
      // `createHub` accepts a narrower range than the text of a setting allows.
      throw error instanceof RangeError ? new UsageError(error.message) : error
    } finally {
      pressure.stop()
      await log.close()
    }
    // Everything is stored, answered and closed. Do not wait for anything else that keeps the process open.
    setTimeout(() => process.exit(), MAX_EXIT_MS).unref()
    return 0
  },
})

function boundOf(values: ServeValues): ConnectionBound {
  try {
    return connectionBound(values['max-connections'], readFileLimit(), tlsFilesOf(values) !== undefined)
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}

/** Loaded only when it is used, so that short commands need not wait for it. */
export async function jsonJournal(): Promise<Journal> {
  const { createJsonJournal } = await import('../observe/json-journal.ts')
  return createJsonJournal()
}

interface Parts {
  readonly hub: Hub
  readonly gate: Gate
  readonly bound: ConnectionBound
  readonly pressure: Pressure
  readonly journal: Journal
}

/** Runs a hub until the process is asked to stop. */
async function run(values: ServeValues, { hub, gate, bound, pressure, journal }: Parts): Promise<void> {
  // Only a hub loads the modules that a hub needs: a publish from a shell would otherwise wait for them each
  // time.
  const { createMetrics } = await import('../observe/metrics.ts')
  const pending = new PendingConnections(values['max-pending'])
  const metrics = createMetrics(hub, { pressure, pending, bodies: gate.bodies, pages: gate.pages })
  const sockets = new Set<Socket>()
  const peers = createPeerWatch(sockets, values['stall-timeout'], journal.failed)
  const welcome = loadWelcome()
  const handler = createHandler(hub, { gate, peers, onError: journal.failed, metrics, welcome })
  const limits = {
    maxHeadBytes: values['max-head'],
    headTimeoutMs: values['head-timeout'],
    requestTimeoutMs: values['request-timeout'],
    answerTimeoutMs: values['stall-timeout'],
  }
  const http1 = createHttpServer(handler, limits, metrics.refused)
  const http2 = createHttp2(handler, limits, { onRefused: metrics.refused, pending })
  const front = { gate, http2, peers, pending, onRefused: metrics.refused }
  const cutStreams = takeStreams(http1, hub, limits, front)
  const tls = tlsFilesOf(values)
  const handshakeMs = limits.headTimeoutMs
  const listener: NetServer =
    tls === undefined ? http1 : createTlsServer(tls, { http1, http2, pending, handshakeMs }, journal.warn)
  try {
    trackSockets(listener, sockets)
    limitConnections(listener, bound, journal.warn)
    metrics.watch(listener)
    // Before the banner: whoever reads it may stop the hub at once.
    const signalled = untilSignalled()
    await listen(listener, { host: values.host, port: values.port })
    peers.start(listener)
    const { port } = listener.address() as AddressInfo
    const retain = values.retain.map(({ text }) => text)
    const scheme = tls === undefined ? 'http' : 'https'
    const { host } = values
    process.stdout.write(
      banner({ scheme, host, port, log: values.log, retain, openness: opennessOf(values) }),
    )
    journal.started({ url: `${scheme}://${host}:${port}`, log: values.log })
    await signalled
    journal.draining({ overMs: values.drain })
    gate.drain()
    await hub.drain(values.drain)
  } finally {
    await stop({ listener, http1, http2, hub, sockets, peers, cutStreams })
  }
  journal.stopped()
}

function tlsFilesOf({ 'tls-cert': cert, 'tls-key': key }: ServeValues): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined)
    throw new UsageError('--tls-cert and --tls-key must be given together')
  return { cert, key }
}

interface Running {
  readonly listener: NetServer
  readonly http1: Server
  readonly http2: Http2
  readonly hub: Hub
  readonly sockets: ReadonlySet<Socket>
  readonly peers: PeerWatch
  cutStreams(): void
}

/** Ends all streams, lets responses that are under way complete, and closes every connection. */
async function stop({ listener, http1, http2, hub, sockets, peers, cutStreams }: Running): Promise<void> {
  const closed = listener.listening ? once(listener, 'close') : undefined
  listener.close()
  await hub.close()
  http1.closeIdleConnections()
  http2.close()
  await Promise.race([closed, delay(MAX_LAST_ANSWERS_MS, undefined, { ref: false })])
  http1.closeAllConnections()
  http2.cut()
  cutStreams()
  peers.stop()
  // A connection that is closed gracefully waits for its peer, which may be gone.
  for (const socket of sockets) socket.resetAndDestroy()
}

/** Resolves on the first signal to stop. A second signal ends the process at once. */
async function untilSignalled(): Promise<void> {
  await new Promise<void>((resolve) => {
    let isStopping = false
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (isStopping) process.exit(1)
        isStopping = true
        resolve()
      })
    }
  })
}
