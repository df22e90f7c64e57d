import { AggregatorRegistry, collectDefaultMetrics } from 'prom-client'
import type { Registry } from 'prom-client'

/** A metric with its values at one moment, which another process can read. */
export interface MetricValues {
  readonly name: string
  readonly help: string
  readonly type: string
  /** How the values of several processes become one. */
  readonly aggregator: string
  readonly values: readonly {
    readonly value: number
    readonly labels: Readonly<Record<string, string | number>>
    readonly metricName?: string
  }[]
}

/** All metrics of a process, or only those that it was asked for. */
export type MetricSnapshot = readonly MetricValues[]

/**
 * Those default metrics of prom-client that list everything that is open each time they are read. With many readers,
 * they would delay what they measure.
 */
const TOO_DEAR = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'process_open_fds',
]
/** Metrics of which several processes have no sum. */
const LEAST = ['process_start_time_seconds', 'process_max_fds']

/** Adds what any process of Node has: its memory, its CPU time, its event loop. */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry })
  for (const name of TOO_DEAR) registry.removeSingleMetric(name)
  // Some systems lack some of them.
  for (const name of LEAST) Object.assign(registry.getSingleMetric(name) ?? {}, { aggregator: 'min' })
}

/** Whether the values of a metric only grow. */
export function isCounter({ type }: { readonly type: unknown }): boolean {
  return type === 'counter' || type === 'histogram'
}

export async function snapshotOf(registry: Registry): Promise<MetricSnapshot> {
  return (await registry.getMetricsAsJSON()) as unknown as MetricSnapshot
}

/** Only what grows. Gauges are not computed, since some of them visit every stream. */
export async function countersOf(registry: Registry): Promise<MetricSnapshot> {
  const counters = registry.getMetricsAsArray().filter(isCounter)
  return Promise.all(counters.map((metric) => (metric as unknown as Readable).get()))
}

/** The part of a metric that the types of prom-client leave out. */
interface Readable {
  get(): Promise<MetricValues>
}

/** The metrics of several processes as one. */
export function joined(snapshots: readonly MetricSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots as object[])
}
