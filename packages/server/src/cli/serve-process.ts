import type { TlsFiles } from '../net/tls.ts'
import type { Crew } from '../crew.ts'
import type { Journal } from '../observe/journal.ts'
import { startServerIn } from '../start-server.ts'
import type { Running, ServerOptions } from '../start-server.ts'
import { passwordOf } from './log-password.ts'
import { gateOf } from './serve-gate.ts'
import type { ServeValues } from './serve-settings.ts'
import { UsageError, usageErrorOf } from './usage-error.ts'

/** Starts one of the processes of a hub, or the only one. @throws UsageError, ListenError or LogError */
export async function startProcess(values: ServeValues, journal: Journal, crew: Crew): Promise<Running> {
  try {
    return await startServerIn(crew, optionsOf(values, journal))
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

function tlsFilesOf({ 'tls-cert': cert, 'tls-key': key }: ServeValues): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined)
    throw new UsageError('--tls-cert and --tls-key must be given together')
  return { cert, key }
}
