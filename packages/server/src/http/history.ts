import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HistoryQuery, Hub } from '@tailrace/hub'
import type { Client } from '../limits/limits.ts'
import { readerOf } from './gate.ts'
import type { Gate } from './gate.ts'
import { onceGone } from './gone.ts'
import { SLICE_BYTES } from './json.ts'
import { HttpError } from './problem.ts'
import { sendPage } from './send-page.ts'
import type { HistoryPage } from './send-page.ts'
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
/** The part of the memory for all pages that has to be free to read one: by default twice the largest page. */
const PAGE_SHARE = 1 / 8

/**
 * A page of history. One that is waited for counts as a stream, and waits no longer than its token is valid. A page
 * counts against the memory for all pages until the client has taken it.
 */
export async function readHistory(call: HistoryCall, query: HistoryQuery): Promise<void> {
  const { gate, client, response } = call
  const { waitSeconds = 0, selectors } = query
  onceGone(response, waitSeconds > 0 ? gate.admit(client, selectors) : gate.admitPage(client, selectors))
  const holding = gate.pages.open(client.address)
  onceGone(response, () => holding.release())
  const gone = new AbortController()
  onceGone(response, () => gone.abort())
  // Or pages would be read, one after the other, only to be thrown away.
  const requireRoom = (): void => holding.requireRoom(gate.pages.maxBytes * PAGE_SHARE)
  requireRoom()
  const page = await pageOf(call, { ...query, requireRoom }, gone.signal)
  const bytes = sizeOf(page)
  holding.add(bytes)
  if (bytes > SLICE_BYTES && !holdUnsent(response, bytes)) return
  await sendPage(response, page, gone.signal)
}

async function pageOf(
  { hub, gate, client, request }: HistoryCall,
  query: HistoryQuery,
  gone: AbortSignal,
): Promise<HistoryPage> {
  const { waitSeconds = 0 } = query
  const until = client.identity.expiresAt ?? Infinity
  const leftSeconds = Math.max(0, until - Date.now()) / 1000
  const reader = readerOf(client, request.httpVersionMajor > 1 ? 'http2' : 'http1')
  const wait = { waitSeconds: Math.min(waitSeconds, leftSeconds) }
  const history = await hub.read({ ...query, ...wait, reader }, gone)
  if (waitSeconds > 0 && Date.now() >= until - TIMER_SLACK_MS) {
    const challenge = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
    throw new HttpError('token-expired', 'The token has expired: request a new one.', {}, challenge)
  }
  gate.requireStill(client)
  if ('gap' in history) {
    const { reason, from, oldest } = history.gap
    const detail = 'The cursor cannot be served: continue from `oldest`, or with from=start.'
    throw new HttpError('cursor-gone', detail, { reason, from, oldest })
  }
  return history
}

/** What a page holds in memory, at most. */
function sizeOf({ events }: HistoryPage): number {
  // Text beyond Latin-1 takes two bytes for each character.
  return events.reduce((bytes, { data }) => bytes + 2 * data.length + EVENT_COST, 0)
}
