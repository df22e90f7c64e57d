import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { compile } from '../compile.ts'
import type { WireRequest } from '../peer.ts'
import { Histogram, type HistogramText } from './histogram.ts'

export interface PublishOptions {
  readonly connections: number
  /** Events a second, each meant for a time of its own; 0: each connection goes on as soon as it has its answer. */
  readonly rate: number
  readonly seconds?: number
  readonly count?: number
}

export interface PublishReport {
  readonly sent: number
  readonly acked: number
  readonly errors: number
  /** Requests whose answer did not come within 5 s of the end. */
  readonly unanswered: number
  /** Answers within `seconds`, per second. */
  readonly perSecond: number
  readonly cpuMs: number
  /** From the time that an event was meant for to its answer. */
  readonly latency: Histogram
}

/** Runs a publisher in a process of its own to its end. The request's data must hold a blank mark. */
export async function publish(request: WireRequest, options: PublishOptions): Promise<PublishReport> {
  const child = spawnPublisher(request, options)
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`the publisher ended with code ${String(code)}`)
  const report = JSON.parse(output) as Omit<PublishReport, 'latency'> & { latency: HistogramText }
  return { ...report, latency: new Histogram().add(report.latency) }
}

/** Publishes for as long as `work` takes: only what readers see of it counts. `seconds` must be longer than that. */
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

function spawnPublisher(request: WireRequest, { connections, rate, seconds = 0, count = 0 }: PublishOptions) {
  const args = [request.port, connections, rate, seconds, count].map(String)
  return spawn(compile('load/publisher.c'), [...args, request.text], { stdio: ['ignore', 'pipe', 'inherit'] })
}
