import { refuseUnknown } from '@tailrace/http'
import type { Route } from '@tailrace/http'
import type { Metrics } from './metrics.ts'

/** `GET /metrics`, in the Prometheus text format. */
export function metricsRoute(metrics: Metrics): Route {
  return {
    method: 'GET',
    path: '/metrics',
    access: 'admin',
    async handle({ query, exchange }) {
      refuseUnknown(query, NO_PARAMETERS)
      const headers = { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' }
      exchange.answer(200, headers, await metrics.text())
    },
  }
}

const NO_PARAMETERS: ReadonlySet<string> = new Set()
