import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HistoryPage, HistoryQuery, Hub } from '@tailrace/hub'
import { permit, readerOf } from './gate.ts'
import type { Client, Gate } from './gate.ts'
import { onceGone } from './gone.ts'
import { SLICE_BYTES } from './json.ts'
import { HttpError, textOf } from '@tailrace/http'
import { sendPage } from './send-page.ts'
import { holdUnsent } from './unsent.ts'

/** A request for history, and who makes it. */
export interface HistoryCall {
  readonly hub: Hub
  readonly gate: Gate
  readonly client: Client
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** A timer may be early by this: a wait that ends so shortly before its token does has been cut. */
const TIMER_SLACK_MS = 100
/** What an event of a page costs beside its data. */
const EVENT_COST = 512

/**
 * A page of history. One that is waited for counts as a stream, and waits no longer than its token is valid. A page
 * counts against the memory for all pages until the client has taken it.
 */
export async function readHistory(
  call: HistoryCall,
  query: HistoryQuery & { readonly trace: boolean },
): Promise<void> {
  const { gate, client, response } = call
  const { waitSeconds = 0, selectors } = query
  await permit(gate.mayRead(client, selectors, 'history'), `read ${selectors.join(', ')}`)
  onceGone(response, waitSeconds > 0 ? gate.admit(client, selectors) : gate.admitPage(client))
  const holding = gate.pages.open(client.address)
  onceGone(response, () => holding.release())
  const gone = new AbortController()
  onceGone(response, () => gone.abort())
  holding.requireRoom(1)
  const page = await pageOf(call, query, gone.signal)
  const bytes = sizeOf(page)
  holding.add(bytes)
  if (bytes > SLICE_BYTES && !holdUnsent(response, bytes)) return
  await sendPage(response, page, query.trace, gone.signal)
}

async function pageOf(
  { hub, gate, client, request }: HistoryCall,
  query: HistoryQuery,
  gone: AbortSignal,
): Promise<HistoryPage> {
  const { waitSeconds = 0 } = query
  const until = client.expiresAt ?? Infinity
  const leftSeconds = Math.max(0, until - Date.now()) / 1000
  const reader = readerOf(client, request.httpVersionMajor > 1 ? 'http2' : 'http1')
  const wait = { waitSeconds: Math.min(waitSeconds, leftSeconds) }
  const history = await hub.read({ ...query, ...wait, reader }, gone)
  if (waitSeconds > 0 && Date.now() >= until - TIMER_SLACK_MS) {
    const challenge = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
    throw new HttpError('token-expired', 'The token has expired: get a new one.', { headers: challenge })
  }
  gate.requireStill(client)
  if ('gap' in history) {
    const { reason, from, oldest } = history.gap
    const detail = 'The cursor cannot be served: read on from `oldest`, or with from=start.'
    throw new HttpError('cursor-gone', detail, {
      details: { reason, from: textOf(from), oldest: textOf(oldest) },
    })
  }
  return history
}

/** What a page holds in memory, at most. */
function sizeOf({ events }: HistoryPage): number {
  // Text beyond Latin-1 takes two bytes for each character.
  return events.reduce((bytes, { data }) => bytes + 2 * data.length + EVENT_COST, 0)
}
