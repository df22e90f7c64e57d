import { shownLog } from '@tailrace/log'
import { PLAIN_JOURNAL } from '../observe/journal.ts'
import type { Journal } from '../observe/journal.ts'
import type { TlsFiles } from '../net/tls.ts'
import type { Running, ServerOptions } from '../start-server.ts'
import { banner } from './banner.ts'
import { outliveOutput } from './output.ts'
import { gateOf, opennessOf, requireKeys } from './serve-gate.ts'
import { SERVE_SETTINGS } from './serve-settings.ts'
import type { ServeValues } from './serve-settings.ts'
import { readSecret } from './secret.ts'
import { UsageError, usageErrorOf } from './usage-error.ts'
import { verb } from './verb.ts'
import type { Verb } from './verb.ts'

/** Time that the process has to exit by itself once everything is stored, answered and closed. */
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
    const journal = values['json-logs'] ? await jsonJournal() : PLAIN_JOURNAL
    requireKeys(values)
    const running = await start(values, journal)
    // Before the banner, because a reader of the banner may stop the hub at once.
    const signalled = untilSignalled()
    const { url, port, hub } = running
    const { host, drain } = values
    const log = shownLog(values.log)
    const retain = values.retain.map(({ text }) => text)
    const scheme = values['tls-cert'] === undefined ? 'http' : 'https'
    process.stdout.write(banner({ scheme, host, port, log, retain, openness: opennessOf(values) }))
    journal.started({ url, log, node: hub.node })
    await signalled
    journal.draining({ overMs: drain })
    await running.drain(drain)
    await running.stop()
    journal.stopped()
    setTimeout(() => process.exit(), MAX_EXIT_MS).unref()
    return 0
  },
})

async function start(values: ServeValues, journal: Journal): Promise<Running> {
  // Only a hub loads the modules that a hub needs: a publish from a shell would otherwise wait for them each time.
  const { startServer } = await import('../start-server.ts')
  try {
    return await startServer(optionsOf(values, journal))
  } catch (error) {
    // The server accepts a narrower range than the text of a setting allows.
    throw error instanceof RangeError ? usageErrorOf(error) : error
  }
}

function optionsOf(values: ServeValues, journal: Journal): ServerOptions {
  return {
    log: values.log,
    logPassword: passwordOf(values),
    requireDurable: values['require-durable'],
    host: values.host,
    port: values.port,
    gate: (parts) => gateOf(values, parts),
    tls: tlsFilesOf(values),
    compress: values.compress,
    hub: {
      ...(values.node === undefined ? {} : { node: values.node }),
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
    },
    limits: {
      maxHeadBytes: values['max-head'],
      headTimeoutMs: values['head-timeout'],
      requestTimeoutMs: values['request-timeout'],
    },
    maxConnections: values['max-connections'],
    maxPendingBytes: values['max-pending'],
    multisend: !values['no-multisend'],
    journal,
  }
}

function passwordOf({ 'log-password-file': path }: ServeValues): string | undefined {
  return path === undefined ? undefined : readSecret('log-password-file', path)
}

/** Loaded only when it is used, so that short commands need not wait for it. */
export async function jsonJournal(): Promise<Journal> {
  const { createJsonJournal } = await import('../observe/json-journal.ts')
  return createJsonJournal()
}

function tlsFilesOf({ 'tls-cert': cert, 'tls-key': key }: ServeValues): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined)
    throw new UsageError('--tls-cert and --tls-key must be given together')
  return { cert, key }
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
