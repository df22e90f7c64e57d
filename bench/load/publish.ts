import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { WireRequest } from '../peer.ts'
import { Histogram, type HistogramText } from './histogram.ts'
import { loadProgram } from './program.ts'

export interface PublishOptions {
  readonly connections: number
  /** Events per second, each due at a certain time. With 0, each connection continues as soon as it has its response. */
  readonly rate: number
  readonly seconds?: number
  readonly count?: number
  /** Topics that get the events in turn, if the topic of the request is a slot. @defaultValue 1 */
  readonly topics?: number
}

/** Counts are those of requests: each publishes as many events as it contains marks. */
export interface PublishReport {
  readonly sent: number
  readonly acked: number
  readonly errors: number
  /** Requests whose response did not arrive within 5 s of the end. */
  readonly unanswered: number
  /** Responses within `seconds`, per second. */
  readonly perSecond: number
  readonly cpuMs: number
  /** From the time at which an event was due to its response. */
  readonly latency: Histogram
}

/** Runs a publisher in its own process to its end. The request must contain a blank mark for each of its events. */
export async function publish(request: WireRequest, options: PublishOptions): Promise<PublishReport> {
  const child = spawnPublisher(request, options)
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`the publisher ended with code ${String(code)}`)
  const report = JSON.parse(output) as Omit<PublishReport, 'latency'> & { latency: HistogramText }
  return { ...report, latency: new Histogram().add(report.latency) }
}

/** Publishes for as long as `work` takes: only what readers receive counts. `seconds` must be longer than that. */
export async function whilePublishing<Result>(
  request: WireRequest,
  options: PublishOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const child = spawnPublisher(request, options)
  const exited = once(child, 'close')
  try {
    return await work()
  } finally {
    child.kill()
    await exited
  }
}

function spawnPublisher(request: WireRequest, options: PublishOptions) {
  const { connections, rate, seconds = 0, count = 0, topics = 1 } = options
  const { file, args } = loadProgram('publisher', [connections, rate, seconds, count, topics], request)
  return spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}
