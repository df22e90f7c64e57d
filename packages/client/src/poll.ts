import type { DecodedEvent } from '@tailrace/wire'
import type { ResolvedOptions } from './options.ts'
import { requestOf } from './request.ts'
import { badStatus, orNetworkError } from './stream.ts'

/** How long a page waits for an event, in seconds: shorter than the idle time of common proxies. */
const WAIT_S = 25
/** How long it polls before a stream is tried again. */
const POLL_MS = 60_000

interface PageOfHistory {
  readonly events: readonly {
    readonly id: string
    readonly topic: string
    readonly type?: string
    readonly data: string
  }[]
  readonly next: string
}

export interface Poll {
  readonly settings: ResolvedOptions
  /** Where to begin; empty when nothing was ever received. */
  readonly lastEventId: string
  readonly signal: AbortSignal
  readonly take: (event: DecodedEvent) => Promise<unknown>
}

/**
 * Reads the stream's URL page by page (spec/protocol.md, section 4), each waiting for its first event, for networks
 * that hold streams up.
 *
 * @returns after a minute, when a stream should be tried again; false at once where the server knows no pages
 * @throws ClientError as a stream does
 */
export async function poll({ settings, lastEventId, signal, take }: Poll): Promise<boolean> {
  const until = Date.now() + POLL_MS
  const url = new URL(settings.url)
  const { searchParams: query } = url
  let from = lastEventId || query.get('lastEventId') || query.get('from') || 'now'
  // What only a stream knows.
  for (const name of ['lastEventId', 'snapshot', 'gap', 'envelope', 'conflate']) query.delete(name)
  let isLive = false
  while (Date.now() < until) {
    query.set('from', from)
    // A page that is not empty does not wait.
    query.set('wait', isLive ? String(WAIT_S) : '0')
    const init = await requestOf(settings, 'application/json', '', false)
    const response = await orNetworkError(settings.url, settings.fetch(url, { ...init, signal }))
    if (!/json/.test(response.headers.get('content-type') ?? '')) {
      void response.body?.cancel().catch(() => {})
      return false
    }
    const answer = await orNetworkError(settings.url, response.json() as Promise<unknown>)
    if (response.status === 410) {
      await take(eventOf('tailrace.gap', JSON.stringify(answer), from, undefined))
      from = 'start'
    } else if (response.status !== 200) {
      throw badStatus(settings.url, response)
    } else {
      const { events, next } = answer as PageOfHistory
      for (const { type = 'message', data, id, topic } of events) {
        await take(eventOf(type, data.replace(/\r\n?/g, '\n'), id, topic))
      }
      if (events.length === 0 && !isLive) {
        isLive = true
        await take(eventOf('tailrace.live', '{}', next, undefined))
      }
      from = next
    }
  }
  return true
}

function eventOf(type: string, data: string, lastEventId: string, topic: string | undefined): DecodedEvent {
  return { type, data, lastEventId, topic }
}
