import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { limitConnections, readFileLimit } from '../http/connection-limit.ts'
import { createHandler } from '../http/handler.ts'
import { takeStreams } from '../http/front.ts'
import { createHttpServer } from '../http/server.ts'
import { openLog } from '../open-log.ts'
import { banner } from './banner.ts'
import { parseRule } from './retain.ts'
import { list, setting } from './setting.ts'
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
  settings: {
    host: setting('text', { fallback: '127.0.0.1', doc: 'The address to listen on.' }),
    port: setting('port', { fallback: '4242', doc: 'The port to listen on; 0 takes a free one.' }),
    log: setting('text', {
      fallback: 'sqlite:./tailrace.db',
      placeholder: 'URL',
      doc: 'Where events are kept: sqlite:FILE, or memory: for a hub that forgets.',
    }),
    retain: list(parseRule, {
      fallback: '**=7d',
      placeholder: 'RULE',
      doc: 'How long events are kept.',
    }),
    heartbeat: setting('duration', {
      fallback: '15s',
      doc: 'The longest that a stream stays silent; then a comment holds it open. 0s turns it off.',
    }),
    retry: setting('duration', {
      fallback: '2s',
      doc: 'How long readers wait before they reconnect. Each is told between half and one and a half of it.',
    }),
    window: setting('bytes', {
      fallback: '1MiB',
      doc: 'How much of its newest events each group of readers with the same topics shares in memory.',
    }),
    'window-total': setting('bytes', {
      fallback: '64MiB',
      doc: 'How much all these groups may hold in memory together. Who then finds it gone reads it from the log.',
    }),
    batch: setting('duration', {
      fallback: '4ms',
      doc: 'How long readers that were just written to wait for more events, which then leave in one write. 0ms turns it off.',
    }),
    'stall-timeout': setting('duration', {
      fallback: '30s',
      doc: 'How long a reader may take nothing; then it is cut, and resumes when it can.',
    }),
    'max-event': setting('bytes', { fallback: '1MiB', doc: 'The largest event.' }),
    'max-batch': setting('bytes', { fallback: '16MiB', doc: 'The largest batch.' }),
    'max-head': setting('bytes', { fallback: '16KiB', doc: 'The largest request line and headers.' }),
    'head-timeout': setting('duration', {
      fallback: '10s',
      doc: 'The longest that a client may take to send them.',
    }),
    'request-timeout': setting('duration', {
      fallback: '60s',
      doc: 'The longest that a client may take to send a whole request.',
    }),
  },

  async run(values) {
    if (values['head-timeout'] > values['request-timeout']) {
      throw new UsageError('--head-timeout can be at most --request-timeout, which counts the head as well')
    }
    const fileLimit = readFileLimit()
    const log = await openLog(values.log)
    try {
      const hub = await createHub(log, {
        maxEventBytes: values['max-event'],
        maxBatchBytes: values['max-batch'],
        heartbeatMs: values.heartbeat,
        retryMs: values.retry,
        windowBytes: values.window,
        windowTotalBytes: values['window-total'],
        batchMs: values.batch,
        stallMs: values['stall-timeout'],
        retention: values.retain.map(({ rule }) => rule),
        onError,
      })
      const handler = createHandler(hub, { onError })
      const limits = {
        maxHeadBytes: values['max-head'],
        headTimeoutMs: values['head-timeout'],
        requestTimeoutMs: values['request-timeout'],
      }
      const server = createHttpServer(handler, limits)
      const cutStreams = takeStreams(server, hub, limits)
      try {
        limitConnections(server, fileLimit, (line) => onError(`tailrace: ${line}`))
        server.listen(values.port, values.host)
        await once(server, 'listening')
        const { port } = server.address() as AddressInfo
        const retain = values.retain.map(({ text }) => text)
        process.stdout.write(banner({ host: values.host, port, log: values.log, retain }))
        await untilSignalled()
      } finally {
        await stop(server, hub, cutStreams)
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

function onError(error: unknown): void {
  console.error(error)
}

/** Ends all streams, lets answers that are under way be sent, and closes every connection. */
async function stop(server: Server, hub: Hub, cutStreams: () => void): Promise<void> {
  const closed = server.listening ? once(server, 'close') : undefined
  server.close()
  await hub.close()
  server.closeIdleConnections()
  await Promise.race([closed, delay(MAX_LAST_ANSWERS_MS, undefined, { ref: false })])
  server.closeAllConnections()
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
