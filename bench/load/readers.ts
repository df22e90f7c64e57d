import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { WireRequest } from '../peer.ts'
import { Histogram, type HistogramText } from './histogram.ts'
import { loadProgram } from './program.ts'

/** Pushpin responds with 502 if many more connect at once. */
const DEFAULT_IN_FLIGHT = 64
/** Below the number of open files that a process is usually allowed. */
const PER_PROCESS = 16_000
const READY_TIMEOUT_MS = 60_000
const ANSWER_TIMEOUT_MS = 20_000

export interface ReadersOptions {
  readonly count: number
  /** How many of them read the head of the response and nothing after it. */
  readonly stalled?: number
  /** Connections being opened at the same time, in each process. */
  readonly inFlight?: number
  /** `complete` resolves when each reader has received this many marks. */
  readonly marks?: number
  /** The number of processes that share the readers; more, if these could not hold them. @defaultValue 1 */
  readonly processes?: number
}

export interface ReadersReport {
  readonly deliveries: number
  readonly bytes: number
  /** From the first delivery to the last. */
  readonly spanMs: number
  /** The usage of the load generator itself since it began. */
  readonly cpuMs: number
  readonly complete: number
  readonly closed: number
  readonly stalledClosed: number
  readonly latency: Histogram
}

/**
 * Many open streams in separate processes. If the topic of the request is a slot, each has a topic of its own. Disposing
 * closes them all.
 */
export interface Readers extends AsyncDisposable {
  /** Restarts the counts. */
  reset(): Promise<void>
  report(): Promise<ReadersReport>
  /** Milliseconds from the first connection until each reader has received `marks`. Undefined if that takes too long. */
  complete(timeoutMs: number): Promise<number | undefined>
}

interface Line {
  readonly event: 'ready' | 'complete' | 'reset' | 'report'
  readonly connected: number
  readonly failed: number
  readonly ms: number
  readonly latency: HistogramText
}

/** Resolves once all are connected. Rejects if one cannot connect. */
export async function openReaders(request: WireRequest, options: ReadersOptions): Promise<Readers> {
  const least = Math.ceil(options.count / PER_PROCESS)
  const processes = Math.max(least, Math.min(options.processes ?? 1, options.count))
  let first = 0
  const all = share(options.count, processes).map((count, i) => {
    const stalled = share(options.stalled ?? 0, processes)[i] ?? 0
    const reader = startReader(request, { ...options, count, stalled }, first)
    first += count
    return reader
  })
  const readers: Readers = {
    async reset() {
      await Promise.all(all.map((reader) => reader.ask('reset')))
    },
    async report() {
      return merge(await Promise.all(all.map((reader) => reader.ask('report'))))
    },
    async complete(timeoutMs) {
      const lines = await Promise.all(all.map((reader) => reader.when('complete', timeoutMs)))
      return lines.reduce<number | undefined>(
        (latest, line) =>
          latest === undefined || line === undefined ? undefined : Math.max(latest, line.ms),
        0,
      )
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((reader) => reader.end()))
    },
  }
  try {
    const ready = await Promise.all(all.map((reader) => reader.when('ready', READY_TIMEOUT_MS)))
    const connected = ready.reduce((sum, line) => sum + (line?.connected ?? 0), 0)
    if (connected < options.count) throw new Error(`${connected} of ${options.count} readers could connect`)
    return readers
  } catch (error) {
    await readers[Symbol.asyncDispose]()
    throw error
  }
}

function share(count: number, processes: number): number[] {
  return Array.from({ length: processes }, (_, i) => Math.floor((count + i) / processes))
}

function startReader(request: WireRequest, options: ReadersOptions, first: number) {
  const { count, stalled = 0, inFlight = DEFAULT_IN_FLIGHT, marks = 0 } = options
  const { file, args } = loadProgram('reader', [count, stalled, inFlight, marks, first], request)
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'close')
  const last = new Map<Line['event'], Line>()
  const waiting = new Map<Line['event'], (line: Line | undefined) => void>()
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line
    last.set(line.event, line)
    waiting.get(line.event)?.(line)
  })
  child.stdin.on('error', () => {})
  child.on('close', () => waiting.forEach((settle) => settle(undefined)))

  function when(event: Line['event'], timeoutMs: number): Promise<Line | undefined> {
    const known = last.get(event)
    if (known !== undefined || isGone(child)) return Promise.resolve(known)
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs)
      waiting.set(event, (line) => {
        clearTimeout(timer)
        waiting.delete(event)
        resolve(line)
      })
    })
  }

  async function ask(event: 'reset' | 'report'): Promise<Line> {
    last.delete(event)
    const answer = when(event, ANSWER_TIMEOUT_MS)
    child.stdin.write(`${event}\n`)
    const line = await answer
    if (line === undefined) throw new Error(`the load generator does not answer \`${event}\``)
    return line
  }

  async function end(): Promise<void> {
    child.stdin.end()
    await exited
  }

  return { when, ask, end }
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function merge(lines: readonly Line[]): ReadersReport {
  const reports = lines as readonly (Line & Record<Exclude<keyof ReadersReport, 'latency'>, number>)[]
  const sum = (key: Exclude<keyof ReadersReport, 'latency'>) =>
    reports.reduce((total, line) => total + line[key], 0)
  return {
    deliveries: sum('deliveries'),
    bytes: sum('bytes'),
    spanMs: Math.max(...reports.map(({ spanMs }) => spanMs)),
    cpuMs: sum('cpuMs'),
    complete: sum('complete'),
    closed: sum('closed'),
    stalledClosed: sum('stalledClosed'),
    latency: reports.reduce((all, line) => all.add(line.latency), new Histogram()),
  }
}
