import type { ServerResponse } from 'node:http'
import type { Metrics } from './metrics.ts'

/** `GET /metrics`, in the Prometheus text format. */
export async function sendMetrics(metrics: Metrics, response: ServerResponse): Promise<void> {
  const body = await metrics.text()
  response.writeHead(200, {
    'Content-Type': metrics.contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
