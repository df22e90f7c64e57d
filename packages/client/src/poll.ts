import { MAX_RETRY_MS } from '@tailrace/wire'
import type { Intake } from './intake.ts'
import { isTransient } from './backoff.ts'
import { ClientError } from './errors.ts'
import { readPage } from './page.ts'
import type { Page } from './page.ts'
import { pollStep, startPolling } from './poll-step.ts'

/** How long it polls before a stream is tried again. */
const POLL_MS = 60_000

/**
 * Reads the URL of the stream page by page, for networks that buffer streams. Each request waits for its first event.
 * Ends when a stream should be tried again: after a minute, or at once if the server does not support pages.
 *
 * @throws ClientError why a page could not be read
 */
export async function poll(intake: Intake, interrupted: AbortSignal): Promise<void> {
  const until = Date.now() + POLL_MS
  const url = new URL(intake.url)
  const { searchParams: query } = url
  const from = intake.lastEventId || query.get('lastEventId') || query.get('from') || 'now'
  query.delete('lastEventId')
  // Pages always contain it.
  query.delete('time')
  let state = startPolling(from, !url.pathname.endsWith('/events'))
  while (Date.now() < until) {
    query.set('from', state.from)
    query.set('wait', String(state.waitS))
    const page = await pageOf(intake, url, state.waitS, interrupted)
    if (page === undefined) {
      intake.note({ kind: 'terms', terms: { canPoll: false } })
      return
    }
    if (page.kind === 'page') intake.note({ kind: 'delivered' })
    const [next, events] = pollStep(state, page)
    for (const event of events) {
      await intake.take(event)
      if (interrupted.aborted) return
      await intake.sink.room()
    }
    state = next
  }
}

/** Undefined if the server does not support pages. */
async function pageOf(
  { settings, tokens }: Intake,
  url: URL,
  waitS: number,
  interrupted: AbortSignal,
): Promise<Page | undefined> {
  const overdue = AbortSignal.timeout(Math.min(waitS * 1000 + settings.openTimeoutMs, MAX_RETRY_MS))
  try {
    return await readPage(url, settings, tokens, AbortSignal.any([interrupted, overdue]))
  } catch (error) {
    if (overdue.aborted && !interrupted.aborted) {
      throw new ClientError('network', `${settings.url} sent no page in time`, { cause: error })
    }
    if (!ClientError.is(error)) throw error
    // Not a hub, or one that refuses: the stream will report why. An expired token says nothing about pages.
    const { code } = error
    const isRefusal = code === 'status' && !isTransient(error.status) && error.status !== 401
    if (code === 'not-a-hub' || isRefusal) return undefined
    throw error
  }
}
