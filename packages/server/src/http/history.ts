import type { HistoryQuery } from '@tailrace/hub'
import { requireSubscribe } from '../auth/access.ts'
import { readerOf } from './gate.ts'
import { onceGone } from './gone.ts'
import { sendJson } from './json.ts'
import { HttpError } from './problem.ts'
import type { SubscribeCall } from './subscribe.ts'

/** A timer may be early by this: a wait that ends so shortly before its token does has been cut. */
const TIMER_SLACK_MS = 100

/** A page of history. One that is waited for counts as a stream, and waits no longer than its token is good. */
export async function readHistory(
  { hub, gate, client, request, response }: SubscribeCall,
  query: HistoryQuery,
): Promise<void> {
  const { waitSeconds = 0, selectors } = query
  requireSubscribe(client.identity, selectors)
  if (waitSeconds > 0) onceGone(response, gate.admit(client, selectors))
  const gone = new AbortController()
  onceGone(response, () => gone.abort())
  const until = client.identity.expiresAt ?? Infinity
  const leftSeconds = Math.max(0, until - Date.now()) / 1000
  const reader = readerOf(client, request.httpVersionMajor > 1 ? 'http2' : 'http1')
  const wait = { waitSeconds: Math.min(waitSeconds, leftSeconds) }
  const history = await hub.read({ ...query, ...wait, reader }, gone.signal)
  if (waitSeconds > 0 && Date.now() >= until - TIMER_SLACK_MS) {
    const challenge = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
    throw new HttpError('token-expired', 'The token has expired: get a new one.', {}, challenge)
  }
  if ('gap' in history) {
    const { reason, from, oldest } = history.gap
    const detail = 'The cursor cannot be served: read on from `oldest`, or with from=start.'
    throw new HttpError('cursor-gone', detail, { reason, from, oldest })
  }
  sendJson(response, 200, history)
}
