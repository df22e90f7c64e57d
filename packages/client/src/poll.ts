import { MAX_RETRY_MS } from '@tailrace/wire'
import { ask } from './connection.ts'
import { ClientError } from './errors.ts'
import { controlOf } from './items.ts'
import { orderOf } from './place.ts'
import type { Session } from './session.ts'
import { badStatus, orNetworkError } from './stream.ts'
import { isTransient } from './transient.ts'
import { unlessAborted } from './unless-aborted.ts'

/** How long a page waits for an event, in seconds: shorter than the idle time of common proxies. */
const WAIT_S = 25
/** How long it polls before a stream is tried again. */
const POLL_MS = 60_000

/** A page of history, or a gap; of who is no hub, anything. */
interface Answer {
  readonly reason?: string
  readonly events?: readonly {
    readonly id: string
    readonly topic: string
    readonly type?: string
    readonly key?: string
    readonly remove?: boolean
    readonly time: string
    readonly data: string
  }[]
  readonly next?: string
  readonly oldest?: string
}

/**
 * Reads the stream's URL page by page (spec/protocol.md, section 4), each waiting for its first event, for networks
 * that hold streams up.
 *
 * @returns why a page could not be had; nothing when a stream should be tried again: after a minute, or at once
 * where the server knows no pages
 */
export async function poll(session: Session): Promise<ClientError | undefined> {
  const polling = new AbortController()
  session.interrupt = () => polling.abort()
  session.wake = undefined
  try {
    await readPages(session, polling.signal)
  } catch (error) {
    if (polling.signal.aborted) return undefined
    if (error instanceof ClientError) return error
    throw error
  }
  return undefined
}

async function readPages(session: Session, interrupted: AbortSignal): Promise<void> {
  const { settings, take } = session
  const until = Date.now() + POLL_MS
  const url = new URL(settings.url)
  const { searchParams: query } = url
  let from = session.lastEventId || query.get('lastEventId') || query.get('from') || 'now'
  query.delete('lastEventId')
  // Pages have it always.
  query.delete('time')
  // As a stream would have it: of a single topic, the URL says which.
  const isOfOne = !url.pathname.endsWith('/events')
  let isLive = false
  /** What is up to here is not had again when a gap makes it start over. */
  let known = ''
  while (Date.now() < until && !session.isOver) {
    query.set('from', from)
    // A page that is not empty does not wait.
    const waitS = isLive ? WAIT_S : 0
    query.set('wait', String(waitS))
    const overdue = AbortSignal.timeout(Math.min(waitS * 1000 + settings.openTimeout, MAX_RETRY_MS))
    const signal = AbortSignal.any([interrupted, overdue])
    const response = await ask(session, url, 'application/json', '', signal)
    // A token that has expired says nothing about whether there are pages.
    if (isTransient(response.status) || response.status === 401) {
      void response.body?.cancel().catch(() => {})
      throw badStatus(response)
    }
    const text = await unlessAborted(signal, orNetworkError(settings.url, response.text()))
    const answer = Object(parsed(text)) as Answer
    if (response.status === 410 && answer.oldest !== undefined) {
      const { reason, oldest } = answer
      await take({
        ...controlOf('tailrace.gap', from),
        data: JSON.stringify({ reason, from, oldest }),
      })
      // Of another log, or of none, the place says nothing about what was seen of this one.
      known = reason === 'expired' ? from : ''
      from = 'start'
    } else if (response.status !== 200 || !Array.isArray(answer.events) || answer.next === undefined) {
      // No hub, or one that refuses: as a stream it says why.
      session.canPoll = false
      return
    } else {
      const { events, next } = answer
      session.backoff.reset()
      for (const { type = 'message', key, remove = false, time, data, id, topic } of events) {
        if (session.isOver) return
        if ((orderOf(id, known) ?? 1) <= 0) continue
        const lines = data.replace(/\r\n?/g, '\n')
        const named = isOfOne ? undefined : topic
        await take({ type, data: lines, lastEventId: id, topic: named, key, remove, time })
        await session.queue.room()
      }
      if (events.length === 0 && !isLive) {
        isLive = true
        await take(controlOf('tailrace.live', next))
      }
      from = next
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
