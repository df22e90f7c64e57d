import type { HistoryPage, HistoryQuery } from '@tailrace/hub'
import { JSON_TYPE, STREAM, wanted } from './accept.ts'
import type { Admitted, Call } from './call.ts'
import { textOf } from './cursor-text.ts'
import { HttpError } from './errors.ts'
import { permit, readerOf } from './gate.ts'
import { historyJson } from './history-json.ts'
import { parseHistoryQuery } from './history-query.ts'
import { JSON_HEADERS } from './json.ts'
import { selectorsOf } from './stream-request.ts'

/** How early a timer may fire. A wait that ends this shortly before its token expires was cut short by the token. */
const TIMER_SLACK_MS = 100
/** The memory that an event of a page uses besides its data, in bytes. */
const EVENT_COST = 512
/** The part of the memory for all pages that must be free before one is read: by default, twice the largest page. */
const PAGE_SHARE = 1 / 8

/** `GET /topics/<topic>` and `GET /events`, as JSON. */
export async function readHistory(call: Call): Promise<void> {
  if (wanted(call.exchange.header('accept')) !== JSON_TYPE) {
    const message = `This is available as ${STREAM} and ${JSON_TYPE}: accept one of them.`
    throw new HttpError('not-acceptable', message)
  }
  await answerHistory(call, parseHistoryQuery({ selectors: selectorsOf(call.rest), query: call.query }))
}

/**
 * Answers with a page of history. A request that waits for events counts as a stream, and waits no longer than its
 * token is valid. A page counts against the memory for all pages until the client has received it.
 */
export async function answerHistory(
  call: Admitted,
  query: ReturnType<typeof parseHistoryQuery>,
): Promise<void> {
  const { gate, client, exchange } = call
  const { waitSeconds = 0, selectors, trace } = query
  await permit(gate.mayRead(client, selectors, 'history'), `read ${selectors.join(', ')}`)
  exchange.onceGone(await (waitSeconds > 0 ? gate.admit(client, selectors) : gate.admitPage(client)))
  const holding = gate.pages.open(client.address)
  exchange.onceGone(() => holding.release())
  const gone = new AbortController()
  exchange.onceGone(() => gone.abort())
  // Otherwise, pages would be read one after the other only to be thrown away.
  const requireRoom = (): void => holding.requireRoom(gate.pages.maxBytes * PAGE_SHARE)
  requireRoom()
  const page = await pageOf(call, { ...query, requireRoom }, gone.signal)
  const bytes = sizeOf(page)
  holding.add(bytes)
  await exchange.answerInSlices(200, JSON_HEADERS, historyJson(page, trace), bytes)
}

async function pageOf(
  { hub, gate, client, exchange }: Admitted,
  query: HistoryQuery,
  gone: AbortSignal,
): Promise<HistoryPage> {
  const { waitSeconds = 0 } = query
  const until = client.expiresAt ?? Infinity
  const leftSeconds = Math.max(0, until - Date.now()) / 1000
  const reader = readerOf(client, exchange.transport)
  const wait = { waitSeconds: Math.min(waitSeconds, leftSeconds) }
  const history = await hub.read({ ...query, ...wait, reader }, gone)
  if (waitSeconds > 0 && Date.now() >= until - TIMER_SLACK_MS) {
    const headers = { 'WWW-Authenticate': 'Bearer error="invalid_token"' }
    throw new HttpError('token-expired', 'The token has expired: request a new one.', { headers })
  }
  gate.requireStill(client)
  if ('gap' in history) {
    const { reason, from, oldest } = history.gap
    const detail = 'The cursor cannot be served: continue from `oldest`, or with from=start.'
    const details = { reason, from: textOf(from), oldest: textOf(oldest) }
    throw new HttpError('cursor-gone', detail, { details })
  }
  return history
}

/** The most memory that a page can use, in bytes. */
function sizeOf({ events }: HistoryPage): number {
  // Text outside Latin-1 takes two bytes for each character.
  return events.reduce((bytes, { data }) => bytes + 2 * data.length + EVENT_COST, 0)
}
