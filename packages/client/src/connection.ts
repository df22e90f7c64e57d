import { createDecoder } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { controlOf, facts } from './items.ts'
import { requestOf } from './request.ts'
import type { Session } from './session.ts'
import { decode, orNetworkError, streamOf } from './stream.ts'
import type { OpenStream } from './stream.ts'
import { unlessAborted } from './unless-aborted.ts'
import { createWatchdog } from './watchdog.ts'
import type { Watchdog } from './watchdog.ts'

/** The most events that are remembered to recognise what a server sends again after a reconnection. */
const MAX_SEEN = 256

/**
 * One connection: asks for a stream, and reads it to its end.
 *
 * @returns why there has to be another; nothing when it was interrupted, or nothing more is to come
 */
export async function connect(session: Session): Promise<ClientError | undefined> {
  const { settings, canPoll } = session
  const { url, openTimeout, stableAfter } = settings
  const connection = new AbortController()
  const { signal } = connection
  let cutBy: ClientError | undefined
  const cut = (code: 'silent' | 'open-timeout'): void => {
    cutBy ??= new ClientError(code, 'The server sent nothing for too long')
    connection.abort()
  }
  const watchdog = createWatchdog(() => cut('silent'))
  session.interrupt = () => connection.abort()
  session.wake = () => watchdog.isOverdue() && cut('silent')
  const opening = setTimeout(() => cut('open-timeout'), openTimeout)
  let openedAt = Infinity
  try {
    const stream = streamOf(await ask(session, url, 'text/event-stream', session.lastEventId, signal))
    openedAt = Date.now()
    session.wereHeadersRefused = false
    // Where it can poll it is a hub, which says something at once; others may take their time.
    if (!canPoll) clearTimeout(opening)
    if (stream === undefined) {
      await session.take(controlOf('tailrace.end', session.lastEventId))
      return undefined
    }
    signal.addEventListener('abort', stream.cancel)
    const why = await readAll(session, stream, watchdog, () => clearTimeout(opening))
    return signal.aborted ? cutBy : why
  } catch (error) {
    if (signal.aborted) return cutBy
    if (error instanceof ClientError) return error
    throw error
  } finally {
    clearTimeout(opening)
    watchdog.stop()
    connection.abort()
    if (Date.now() - openedAt >= stableAfter) session.backoff.reset()
  }
}

/** Makes the request of one attempt. @throws ClientError `network`, `headers` or `invalid-id` */
export async function ask(
  session: Session,
  url: string | URL,
  accept: string,
  lastEventId: string,
  signal: AbortSignal,
): Promise<Response> {
  const { settings } = session
  // A token that never comes must not keep the attempt from being given up.
  const init = await unlessAborted(signal, requestOf(settings, accept, lastEventId, session))
  const answer = orNetworkError(settings.url, settings.fetch(url, { ...init, signal }))
  // One that comes too late holds its connection until somebody reads it.
  answer.then(({ body }) => (signal.aborted ? body?.cancel() : undefined)).catch(() => {})
  return unlessAborted(signal, answer)
}

async function readAll(
  session: Session,
  stream: OpenStream,
  watchdog: Watchdog,
  onBytes: () => void,
): Promise<ClientError | undefined> {
  const { settings, seen, lastEventId, backoff } = session
  const { onComment } = settings
  /** Whether everything so far was sent again: a server that resumes too early does so at the beginning only. */
  let isOverlap = true
  /** What to do for each event and comment, in stream order. */
  const arrived: (() => unknown)[] = []
  let id: string | undefined
  let refusal: string | undefined
  const decoder = createDecoder(
    {
      onId: (given) => (id = given),
      onRetry: (ms) => (backoff.retryMs = ms),
      onComment: onComment && ((text) => arrived.push(() => onComment(text))),
      onEvent(event) {
        const given = id
        arrived.push(() => take(event, given))
        id = undefined
      },
    },
    { lastEventId, maxBufferLength: settings.maxEventLength },
  )

  async function take(event: DecodedEvent, given: string | undefined): Promise<void> {
    const key = given && !event.type.startsWith('tailrace.') && keyOf(given, event)
    if (key && (isOverlap &&= seen.has(key))) return
    if (event.type === 'tailrace.error') refusal = String(facts(event.data)['code'])
    await session.take(event)
    if (refusal === undefined) backoff.restart()
    if (key) seen.add(key)
    // In the order in which they were added.
    if (seen.size > MAX_SEEN) seen.delete(seen.values().next().value!)
  }

  for (;;) {
    watchdog.start(session.readTimeoutMs)
    const chunk = await stream.read()
    onBytes()
    if (chunk === undefined) break
    // While the consumer holds back the stream, silence says nothing about the server.
    watchdog.stop()
    const failure = decode(decoder, chunk)
    for (const next of arrived.splice(0)) {
      await next()
      if (session.isOver) return undefined
    }
    if (failure !== undefined) return failure
    // The last block had no data: its id is a place, and not that of the event to come.
    if (id !== undefined) await session.take(controlOf('tailrace.place', id))
    id = undefined
    await session.queue.room()
  }
  return refusal === undefined
    ? new ClientError('closed-by-server', 'The stream has ended')
    : new ClientError('refused-by-server', `The server refused: ${refusal}`, { reason: refusal })
}

/**
 * What makes two events one: the id alone does not, since some servers number the events of each connection anew.
 * The data is hashed, so that what is remembered stays small.
 */
function keyOf(id: string, { type, data }: DecodedEvent): string {
  let hash = 0
  for (let i = 0; i < data.length; i += 1) hash = (hash * 31 + data.charCodeAt(i)) | 0
  return `${id} ${type} ${hash}`
}
