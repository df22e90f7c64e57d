import { setTimeout as delay } from 'node:timers/promises'
import type { Answer, Input } from './input.ts'
import type { Report } from './prober.ts'
import type { Idle, Subject } from './subject.ts'

/** The longest that a hub may go on with what somebody asked who has their answer, or has left. */
const MAX_SETTLE_MS = 6_000
const SETTLE_WINDOW_MS = 25
/** The part of a processor that the hub uses when it has something left to do. */
const BUSY = 0.2
/** What is done by then leaves nothing worth waiting for. */
const BRIEF_MS = 5

/** What it cost to do something to a hub. */
export interface Cost {
  /** Processor time beyond what the probes cost, in milliseconds. */
  readonly cpuMs: number
  /** The most resident memory meanwhile, and how much of it was new, in bytes. */
  readonly peak: number
  readonly grown: number
  /** Nothing where there was none. */
  readonly answer: Answer | undefined
  readonly worst: Report['worst']
  /** How much of that was the machine's doing, at most. */
  readonly delayMs: number
  readonly failures: readonly string[]
}

/** Does something to a hub, as a client of its own, until all that follows from it is over. */
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
    failures.push(error.message)
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
