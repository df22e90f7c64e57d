import { Counter } from 'prom-client'
import type { Metric, Registry } from 'prom-client'
import type { Histogram } from '@tailrace/hub'

/** The name and help text of a metric. */
export interface Meaning {
  readonly name: string
  readonly help: string
}

/** A counter whose value is kept elsewhere, and read when the metrics are requested. */
export function countOf(registry: Registry, meaning: Meaning, read: () => number): void {
  const counter = new Counter({
    ...meaning,
    registers: [],
    collect() {
      this.reset()
      this.inc(read())
    },
  })
  registry.registerMetric(counter)
}

/** The same, with a number for each value of a label. */
export function countsOf(
  registry: Registry,
  { label, ...meaning }: Meaning & { readonly label: string },
  read: () => Readonly<Record<string, number>>,
): void {
  const counter = new Counter({
    ...meaning,
    labelNames: [label],
    registers: [],
    collect() {
      this.reset()
      for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count)
    },
  })
  registry.registerMetric(counter)
}

/** A histogram whose counts are kept elsewhere. Those of prom-client cannot be filled from outside. */
export function histogramOf(registry: Registry, { name, help }: Meaning, source: Histogram): void {
  const metric = {
    name,
    help,
    async get() {
      let count = 0
      const buckets = source.counts.map((more, i) => {
        count += more
        const le = source.bounds[i] ?? '+Inf'
        return { metricName: `${name}_bucket`, labels: { le }, value: count }
      })
      const sum = { metricName: `${name}_sum`, labels: {}, value: source.sum }
      const values = [...buckets, sum, { metricName: `${name}_count`, labels: {}, value: count }]
      return { name, help, type: 'histogram', aggregator: 'sum', values }
    },
  }
  registry.registerMetric(metric as unknown as Metric)
}
