import { isCounter } from '../observe/snapshot.ts'
import type { MetricSnapshot, MetricValues } from '../observe/snapshot.ts'

/** The last known counters of each process, and those of processes that are gone, so that no sum ever falls. */
export class MetricsMemory {
  readonly #last = new Map<string, MetricSnapshot>()
  #past: MetricSnapshot = []

  /** Keeps what a process has counted so far. */
  remember(process: string, snapshot: MetricSnapshot): void {
    this.#last.set(process, snapshot.filter(isCounter))
  }

  /** The process is gone. Another one of the same name begins with zero. */
  retire(process: string): void {
    this.#past = sumOf([...this.#past, ...(this.#last.get(process) ?? [])])
    this.#last.delete(process)
  }

  /** The counters of all processes, past and present. */
  counters(): readonly MetricSnapshot[] {
    return [...this.#last.values(), this.#past]
  }
}

/** Adds up the metrics with the same name. */
function sumOf(metrics: readonly MetricValues[]): MetricSnapshot {
  const sums = new Map<
    string,
    { metric: MetricValues; values: Map<string, MetricValues['values'][number]> }
  >()
  for (const metric of metrics) {
    const sum = sums.get(metric.name) ?? { metric, values: new Map() }
    sums.set(metric.name, sum)
    for (const one of metric.values) {
      const key = JSON.stringify([one.metricName, Object.entries(one.labels)])
      sum.values.set(key, { ...one, value: one.value + (sum.values.get(key)?.value ?? 0) })
    }
  }
  return [...sums.values()].map(({ metric, values }) => ({ ...metric, values: [...values.values()] }))
}
