import { refuseUnknown } from '@tailrace/http'
import type { Route } from '@tailrace/http'
import { joined } from './snapshot.ts'
import type { MetricSnapshot } from './snapshot.ts'

/** `GET /metrics`, in the Prometheus text format: the metrics of all processes of a hub as one. */
export function metricsRoute(metrics: () => Promise<readonly MetricSnapshot[]>): Route {
  return {
    method: 'GET',
    path: '/metrics',
    access: 'admin',
    async handle({ query, exchange }) {
      refuseUnknown(query, NO_PARAMETERS)
      const registry = joined(await metrics())
      const headers = { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' }
      exchange.answer(200, headers, await registry.metrics())
    },
  }
}

const NO_PARAMETERS: ReadonlySet<string> = new Set()
