import { GROWTH } from './input.ts'
import type { Input } from './input.ts'
import type { Cost } from './measure.ts'
import type { Probe } from './prober.ts'
import type { Idle } from './subject.ts'

const MIB = 1024 * 1024
/** How long others may wait: a multiple of the time on an idle hub, with a floor for busy machines. */
const MAX_TIMES_IDLE = 20
const MIN_LATE_MS = 250
/** The resident memory that a hub may reach, whatever the input. */
const MAX_RESIDENT = 512 * MIB
/** By what factor cost may grow when size grows by four, beyond noise. */
const MAX_GROWTH = 10
/** One major garbage collection, which the smaller size may have been spared. */
const CPU_NOISE_MS = 50
const MEMORY_NOISE = 64 * MIB
/** How many times as much as publishes of the same size an input may cost, beyond noise. */
const MAX_TIMES_PUBLISH = 20
/** A refusal must not echo large input. */
const MAX_REFUSAL_BYTES = 8 * 1024

/** Reasons why the larger size is too expensive. */
export function offencesOf(idle: Idle, { size, worth = 1 }: Input, cost: Cost): string[] {
  const { cpuMs, peak, answer, worst, delayMs } = cost
  const offences = [...cost.failures]
  for (const [probe, waited] of Object.entries(worst) as [Probe, number][]) {
    const took = waited - delayMs
    const most = Math.max(MIN_LATE_MS, MAX_TIMES_IDLE * idle.worst[probe])
    if (took > most) offences.push(`others waited ${Math.round(took)} ms for ${probe}`)
  }
  if (peak > MAX_RESIDENT) offences.push(`${inMib(peak)} resident`)
  if (answer !== undefined && answer.status >= 400 && answer.bytes > MAX_REFUSAL_BYTES) {
    offences.push(`refused with ${answer.bytes} bytes`)
  }
  const baseline = worth * idle.publishMs + size * GROWTH * idle.byteMs
  if (cpuMs > MAX_TIMES_PUBLISH * baseline + CPU_NOISE_MS) {
    offences.push(
      `${Math.round(cpuMs)} ms, ${Math.round(cpuMs / baseline)} times what publishes of its size cost`,
    )
  }
  return offences
}

/** Reasons why the cost grows too fast between the two sizes. */
export function growthOffences({ growth = MAX_GROWTH }: Input, small: Cost, large: Cost): string[] {
  const offences: string[] = []
  if (large.cpuMs > growth * small.cpuMs + CPU_NOISE_MS) {
    offences.push(
      `${GROWTH} times as large, it took ${Math.round(large.cpuMs)} ms instead of ${Math.round(small.cpuMs)} ms`,
    )
  }
  if (large.grown > growth * small.grown + MEMORY_NOISE) {
    offences.push(`${GROWTH} times as large, it took ${inMib(large.grown)} instead of ${inMib(small.grown)}`)
  }
  return offences
}

function inMib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`
}
