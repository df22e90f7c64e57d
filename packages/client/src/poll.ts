import { MAX_RETRY_MS } from '@tailrace/wire'
import type { Attempt, Intake } from './intake.ts'
import { readStream } from './attempt.ts'
import { isTransient } from './backoff.ts'
import { ClientError } from './errors.ts'
import { readPage } from './page.ts'
import type { Page } from './page.ts'
import { pollStep, startPolling } from './poll-step.ts'

/** Streams in a row that did not begin in time before it polls. */
const MAX_LATE = 2
/** How long it polls before a stream is tried again. */
const POLL_MS = 60_000

/**
 * Creates the attempts for networks that buffer streams, after a first stream did not begin in time. If the next one
 * does not either, pages are read for a while, and then a stream is tried again.
 */
export function createFallback(): Attempt {
  let late = 1
  return async (intake, signal) => {
    const isPolling = intake.isHub && late >= MAX_LATE
    try {
      await (isPolling ? poll(intake, signal) : readStream(intake, signal))
    } finally {
      const { reason } = signal
      const isLate = ClientError.is(reason) && reason.code === 'open-timeout'
      late = isPolling ? MAX_LATE - 1 : isLate ? late + 1 : 0
    }
  }
}

/**
 * Reads the URL of the stream page by page. Each request waits for its first event. Ends when a stream should be tried
 * again: after a minute, or at once if the server does not support pages.
 *
 * @throws ClientError why a page could not be read
 */
async function poll(intake: Intake, interrupted: AbortSignal): Promise<void> {
  const until = Date.now() + POLL_MS
  const url = new URL(intake.url)
  const { searchParams: query } = url
  const from = intake.lastEventId || query.get('lastEventId') || query.get('from') || 'now'
  query.delete('lastEventId')
  // Pages always contain it.
  query.delete('time')
  // Each page has its own timeout.
  intake.note({ kind: 'received' })
  const selectors = query.getAll('topic')
  const isOfOne =
    !url.pathname.endsWith('/events') || (selectors.length === 1 && !selectors[0]!.includes('*'))
  let state = startPolling(from, isOfOne)
  while (Date.now() < until) {
    query.set('from', state.from)
    query.set('wait', String(state.waitS))
    const page = await pageOf(intake, url, state.waitS, interrupted)
    if (page === undefined) {
      intake.isHub = false
      return
    }
    if (page.kind === 'page') {
      intake.note({ kind: 'opened' })
      intake.note({ kind: 'delivered' })
    }
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
