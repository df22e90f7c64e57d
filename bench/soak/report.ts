import type { Verdict } from '@tailrace/testkit'

/** How much more memory the hub may use in the last quarter of its last life than in the first. */
const MAX_GROWTH = 0.2
/** In a shorter life, memory is only reported: most of it is the growth of a process that warms up. */
const LEAST_JUDGED_SECONDS = 25

/** Resident memory of the hub in its last life, in bytes. */
export interface Memory {
  readonly seconds: number
  /** Means. */
  readonly firstQuarter: number
  readonly lastQuarter: number
  /** 0.1 is a tenth more. */
  readonly growth: number
  readonly isJudged: boolean
}

export interface Report extends Verdict {
  readonly seconds: number
  readonly seed: number
  readonly restarts: number
  readonly stalls: number
  readonly cuts: number
  readonly memory: Memory
  readonly isGood: boolean
}

export function memoryOf(samples: readonly number[], seconds: number): Memory {
  const quarter = Math.max(1, Math.floor(samples.length / 4))
  const mean = (part: readonly number[]): number => part.reduce((sum, one) => sum + one, 0) / part.length
  const [firstQuarter, lastQuarter] = [mean(samples.slice(0, quarter)), mean(samples.slice(-quarter))]
  return {
    seconds,
    firstQuarter,
    lastQuarter,
    growth: lastQuarter / firstQuarter - 1,
    isJudged: seconds >= LEAST_JUDGED_SECONDS,
  }
}

/**
 * Whether nothing was lost, repeated or out of order, something was done at all, and memory was flat where it could
 * be judged.
 */
export function isGood(verdict: Verdict, memory: Memory): boolean {
  const { acknowledged, delivered, lost, duplicated, outOfOrder } = verdict
  const isFlat = !memory.isJudged || memory.growth <= MAX_GROWTH
  return acknowledged > 0 && delivered > 0 && lost + duplicated + outOfOrder === 0 && isFlat
}

export function toText(report: Report): string {
  const { memory } = report
  const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  const growth = `${(memory.growth * 100).toFixed(1)} %`
  const rows: [string, string | number][] = [
    ['seconds', report.seconds],
    ['seed', report.seed],
    ['events acknowledged', report.acknowledged],
    ['of them by a repeat', report.repeats],
    ['delivered', report.delivered],
    ['lost', report.lost],
    ['duplicated', report.duplicated],
    ['out of order', report.outOfOrder],
    ['gaps reported', report.gaps],
    ['restarts (kill -9)', report.restarts],
    ['stalls (SIGSTOP)', report.stalls],
    ['connections cut', report.cuts],
    ['memory, first quarter', mebibytes(memory.firstQuarter)],
    ['memory, last quarter', mebibytes(memory.lastQuarter)],
    ['memory, growth', memory.isJudged ? growth : `${growth} (not judged: ${memory.seconds} s)`],
    ['result', report.isGood ? 'good' : 'BAD'],
  ]
  return rows.map(([name, value]) => `${name.padEnd(24)}${value}\n`).join('')
}
