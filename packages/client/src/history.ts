import { ClientError } from './errors.ts'
import { readPage } from './page.ts'
import type { Gap, HistoryEvent, Page } from './page.ts'
import { repeat } from './repeat.ts'
import type { RepeatOptions } from './repeat.ts'

const MAX_LIMIT = 1_000

/** Where history begins, how much of it is read at a time, and how attempts are repeated. */
export interface HistoryOptions extends RepeatOptions {
  /** `start` (everything retained), or the id of the event to continue after. @defaultValue `start` */
  readonly from?: string | undefined
  /** Events per page, from 1 to 1,000. @defaultValue 1,000 */
  readonly limit?: number | undefined
  /**
   * Called if the events after `from` are gone, before the reader continues with everything that is left. Without it,
   * a gap is an error.
   */
  readonly onGap?: ((gap: Gap) => void) | undefined
}

/** The events that a hub retains, oldest first. Iterate over it; it ends after the event that is the newest by then. */
export interface History extends AsyncIterable<HistoryEvent> {
  /** The same events page by page, each with the position after it as `next`. No page is empty. */
  pages(): AsyncIterable<HistoryPage>
  /** The position after everything that was read: a subscription with this `lastEventId` receives what follows. */
  readonly next: string
}

/** A page of history, and the id after which the next one begins. */
export type HistoryPage = Omit<Extract<Page, { kind: 'page' }>, 'kind'>

/**
 * Reads history. Attempts that fail temporarily are repeated.
 *
 * @param url of a topic, or of `/events?topic=…`
 * @throws ClientError `invalid-option`; during iteration, also `status`, `not-a-hub`, `network`, `headers` and `gap`
 */
export function readHistory(url: string | URL, options: HistoryOptions = {}): History {
  const { from = 'start', limit = MAX_LIMIT, onGap, ...others } = options
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT)) {
    const details = { option: 'limit' }
    throw new ClientError('invalid-option', `limit must be an integer from 1 to ${MAX_LIMIT}`, { details })
  }
  let next = from

  async function* pages(): AsyncGenerator<HistoryPage> {
    const address = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href)
    address.searchParams.set('limit', String(limit))
    for (;;) {
      address.searchParams.set('from', next)
      const page = await repeat((tokens) => readPage(address, others, tokens, others.signal), others)
      if (page.kind === 'page') {
        next = page.next
        if (page.events.length === 0) return
        yield { events: page.events, next }
      } else {
        const { kind: _, ...gap } = page
        if (onGap === undefined) {
          const message = `Events after ${gap.from} are gone (${gap.reason}): start over, or pass onGap`
          throw new ClientError('gap', message, { details: gap })
        }
        onGap(gap)
        next = 'start'
      }
    }
  }

  return {
    pages,
    get next() {
      return next
    },
    async *[Symbol.asyncIterator]() {
      for await (const { events } of pages()) yield* events
    },
  }
}
