import type { Call } from './call.ts'
import { HttpError } from './errors.ts'
import { answerJson } from './json.ts'

/** `GET /healthz`: the process answers. For load balancers, which have no token. */
export async function healthz({ exchange }: Call): Promise<void> {
  answerJson(exchange, 200, { status: 'ok' })
}

/** `GET /readyz`: the log is writable and readable, and the hub is not about to stop. */
export async function readyz({ processes, gate, exchange }: Call): Promise<void> {
  if (gate.isDraining) throw new HttpError('draining', 'This hub is shutting down.')
  await processes.ready()
  answerJson(exchange, 200, { status: 'ready' })
}
