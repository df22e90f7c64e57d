import { ClientError } from './errors.ts'
import { refusalOf } from './refusal.ts'
import { orNetworkError, send, unlessAborted } from './request.ts'
import type { RequestParts, TokenUse } from './request.ts'

/** An event of the history. */
export interface HistoryEvent {
  /** The position after it. */
  readonly id: string
  readonly topic: string
  readonly type?: string
  readonly key?: string
  /** The event removes its key from the topic's state. */
  readonly remove?: boolean
  /** When the hub stored it: RFC 3339, in UTC. */
  readonly time: string
  /** The text as it was published, with its original line ends. */
  readonly data: string
}

/** Events between `from` and `oldest` are permanently gone. */
export interface Gap {
  readonly reason: string
  readonly from: string
  readonly oldest: string
}

/** A page of history, or the reason why it cannot start at the requested position. */
export type Page =
  | { readonly kind: 'page'; readonly events: readonly HistoryEvent[]; readonly next: string }
  | ({ readonly kind: 'gap' } & Gap)

/**
 * Requests one page of history (spec/protocol.md, section 4).
 *
 * @throws ClientError `status`, `not-a-hub`, `network`, `aborted` or `headers`; the signal's reason
 */
export async function readPage(
  url: URL,
  parts: RequestParts,
  tokens: TokenUse,
  signal: AbortSignal | undefined,
): Promise<Page> {
  const response = await send(url.href, parts, { own: { accept: 'application/json' }, signal, tokens })
  const { status } = response
  if (status !== 200 && status !== 410) throw await refusalOf(response, signal)
  const text = await unlessAborted(signal, orNetworkError(url.href, response.text()))
  const { events, next, reason, from, oldest } = parsed(text)
  if (status === 410 && oldest !== undefined) return { kind: 'gap', reason: reason!, from: from!, oldest }
  if (status === 200 && Array.isArray(events) && next !== undefined) return { kind: 'page', events, next }
  const details = { status }
  throw new ClientError('not-a-hub', `${url.href} did not respond like a Tailrace hub`, { details })
}

function parsed(text: string): Partial<Extract<Page, { kind: 'page' }> & Gap> {
  try {
    return Object(JSON.parse(text)) as object
  } catch {
    return {}
  }
}
