import { setTimeout as delay } from 'node:timers/promises'
import type { Answer, Input } from './input.ts'
import type { Report } from './prober.ts'
import type { Idle, Subject } from './subject.ts'
import { Late } from './target.ts'

/** How long to wait for a hub that keeps working after the client was answered or has left. */
const MAX_SETTLE_MS = 6_000
const SETTLE_WINDOW_MS = 25
/** The share of a processor above idle that means work is still going on. */
const BUSY = 0.2
/** Cheaper inputs leave no work behind that is worth waiting for. */
const BRIEF_MS = 5

/** The cost of one run of an input. */
export interface Cost {
  /** Processor time of the hub, less that of the probes, in milliseconds. */
  readonly cpuMs: number
  /** Peak resident memory, and its growth during the run, in bytes. */
  readonly peak: number
  readonly grown: number
  /** `undefined` if there was none. */
  readonly answer: Answer | undefined
  readonly worst: Report['worst']
  /** Upper bound on the part of `worst` that is due to other load on the machine, in milliseconds. */
  readonly delayMs: number
  readonly failures: readonly string[]
}

/** Runs an input as a new client, and waits until the hub has finished all work that it caused. */
export async function measure(
  subject: Subject,
  idle: Idle,
  { run }: Pick<Input, 'run'>,
  size: number,
): Promise<Cost> {
  const { meter, prober } = subject
  await prober.report()
  meter.forgetPeak()
  const [used, resident, startedAt] = [meter.cpuMs(), meter.peakBytes(), performance.now()]
  const delayed = subject.delayMs()
  const failures: string[] = []
  const answer = await run(subject.client(), size).catch((error: Error) => {
    if (!(error instanceof Late)) failures.push(error.message)
    return undefined
  })
  if (meter.cpuMs() - used > BRIEF_MS || answer === undefined) await settle(subject, idle)
  const elapsed = performance.now() - startedAt
  const cpuMs = Math.max(0, meter.cpuMs() - used - idle.cpu * elapsed)
  const peak = meter.peakBytes()
  const report = await prober.report()
  const delayMs = subject.delayMs() - delayed
  if (subject.isDead()) failures.push('the hub died')
  else failures.push(...report.failures)
  return { cpuMs, peak, grown: Math.max(0, peak - resident), answer, worst: report.worst, delayMs, failures }
}

async function settle({ meter, isDead }: Subject, idle: Idle): Promise<void> {
  const deadline = performance.now() + MAX_SETTLE_MS
  for (;;) {
    const [used, startedAt] = [meter.cpuMs(), performance.now()]
    await delay(SETTLE_WINDOW_MS)
    const busy = (meter.cpuMs() - used) / (performance.now() - startedAt)
    if (busy < idle.cpu + BUSY || isDead() || performance.now() > deadline) return
  }
}
