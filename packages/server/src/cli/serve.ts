import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { limitConnections, readFileLimit } from '../http/connection-limit.ts'
import type { Gate } from '../http/gate.ts'
import { createHandler } from '../http/handler.ts'
import { takeStreams } from '../http/front.ts'
import { createHttp2 } from '../http/http2.ts'
import type { Http2 } from '../http/http2.ts'
import { createHttpServer } from '../http/server.ts'
import { createTlsServer } from '../http/tls.ts'
import type { TlsFiles } from '../http/tls.ts'
import { PLAIN_JOURNAL } from '../observe/journal.ts'
import type { Journal } from '../observe/journal.ts'
import { openLog } from '../open-log.ts'
import { banner } from './banner.ts'
import { outliveOutput } from './output.ts'
import { gateOf, opennessOf } from './serve-gate.ts'
import { SERVE_SETTINGS } from './serve-settings.ts'
import type { ServeValues } from './serve-settings.ts'
import { UsageError } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

/** How long answers that are under way have when the hub is told to stop. */
const MAX_LAST_ANSWERS_MS = 3_000

export const serve: Verb = verb({
  name: 'serve',
  operands: '',
  summary: 'Runs a hub.',
  description: `A retention rule is SELECTOR=BOUNDS; the first whose selector matches a topic counts. A bound is an age (7d), a
size of data (1GiB), a number of events (100000), or forever. Size and number spare the newest event of each key.`,
  settings: SERVE_SETTINGS,

  async run(values, operands) {
    if (operands.length > 0)
      throw new UsageError(`serve takes options only, not ${JSON.stringify(operands[0])}`)
    if (values['head-timeout'] > values['request-timeout']) {
      throw new UsageError('--head-timeout can be at most --request-timeout, which counts the head as well')
    }
    outliveOutput()
    const fileLimit = readFileLimit()
    const journal = values['json-logs'] ? await jsonJournal() : PLAIN_JOURNAL
    const log = await openLog(values.log)
    try {
      const gate = await gateOf(values, log)
      const hub = await createHub(log, {
        maxEventBytes: values['max-event'],
        maxBatchBytes: values['max-batch'],
        heartbeatMs: values.heartbeat,
        retryMs: values.retry,
        windowBytes: values.window,
        windowTotalBytes: values['window-total'],
        maxQueuedReads: values['max-queued-reads'],
        batchMs: values.batch,
        stallMs: values['stall-timeout'],
        retention: values.retain.map(({ rule }) => rule),
        onError: journal.failed,
      })
      try {
        await run(values, { hub, gate, fileLimit, journal })
      } finally {
        await hub.close()
      }
    } catch (error) {
      // What `createHub` takes is narrower than what the text of a setting can say.
      throw error instanceof RangeError ? new UsageError(error.message) : error
    } finally {
      await log.close()
    }
    return 0
  },
})

async function jsonJournal(): Promise<Journal> {
  const { createJsonJournal } = await import('../observe/json-journal.ts')
  return createJsonJournal()
}

interface Parts {
  readonly hub: Hub
  readonly gate: Gate
  readonly fileLimit: number | undefined
  readonly journal: Journal
}

/** Serves a hub until the process is told to stop. */
async function run(values: ServeValues, { hub, gate, fileLimit, journal }: Parts): Promise<void> {
  // What only a hub needs is loaded by a hub: who publishes a line from a shell would wait for it each time.
  const { createMetrics } = await import('../observe/metrics.ts')
  const metrics = createMetrics(hub)
  const handler = createHandler(hub, { gate, onError: journal.failed, metrics })
  const limits = {
    maxHeadBytes: values['max-head'],
    headTimeoutMs: values['head-timeout'],
    requestTimeoutMs: values['request-timeout'],
    answerTimeoutMs: values['stall-timeout'],
  }
  const http1 = createHttpServer(handler, limits, metrics.refused)
  const http2 = createHttp2(handler, limits, metrics.refused)
  const cutStreams = takeStreams(http1, hub, limits, { gate, http2, onRefused: metrics.refused })
  const tls = tlsFilesOf(values)
  const handshakeMs = limits.headTimeoutMs
  const listener: NetServer =
    tls === undefined ? http1 : createTlsServer(tls, { http1, http2, handshakeMs }, journal.warn)
  try {
    limitConnections(listener, fileLimit, journal.warn)
    metrics.watch(listener)
    // Before the banner, whose reader may be done with the hub at once.
    const signalled = untilSignalled()
    listener.listen(values.port, values.host)
    await once(listener, 'listening')
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
    await stop({ listener, http1, http2, hub, cutStreams })
  }
  journal.stopped()
}

function tlsFilesOf({ 'tls-cert': cert, 'tls-key': key }: ServeValues): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) throw new UsageError('--tls-cert and --tls-key go together')
  return { cert, key }
}

interface Running {
  readonly listener: NetServer
  readonly http1: Server
  readonly http2: Http2
  readonly hub: Hub
  cutStreams(): void
}

/** Ends all streams, lets answers that are under way be sent, and closes every connection. */
async function stop({ listener, http1, http2, hub, cutStreams }: Running): Promise<void> {
  const closed = listener.listening ? once(listener, 'close') : undefined
  listener.close()
  await hub.close()
  http1.closeIdleConnections()
  http2.close()
  await Promise.race([closed, delay(MAX_LAST_ANSWERS_MS, undefined, { ref: false })])
  http1.closeAllConnections()
  http2.cut()
  cutStreams()
}

/** Resolves with the first signal to stop; the second ends the process as it is. */
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
