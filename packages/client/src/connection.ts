import { createDecoder, WireError } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { controlOf, facts } from './items.ts'
import { requestOf } from './request.ts'
import type { Session } from './session.ts'
import { orNetworkError, streamOf } from './stream.ts'
import type { OpenStream } from './stream.ts'
import { unlessAborted } from './unless-aborted.ts'
import { Watchdog } from './watchdog.ts'

/** The most ids that are remembered to tell what comes twice. */
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
  const cut = (code: 'silent' | 'open-timeout', message: string): void => {
    cutBy ??= new ClientError(code, message)
    connection.abort()
  }
  const watchdog = new Watchdog(() => cut('silent', 'A heartbeat was missed'))
  session.interrupt = () => connection.abort()
  session.wake = () => watchdog.isOverdue && cut('silent', 'Nothing was heard during sleep')
  const opening = setTimeout(() => cut('open-timeout', 'No stream came in time'), openTimeout)
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
  { settings, wereHeadersRefused }: Session,
  url: string | URL,
  accept: string,
  lastEventId: string,
  signal: AbortSignal,
): Promise<Response> {
  // A token that never comes must not keep the attempt from being given up.
  const init = await unlessAborted(signal, requestOf(settings, accept, lastEventId, wereHeadersRefused))
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
  let ids = new Set<string>()
  const arrived: { event: DecodedEvent; id: string | undefined }[] = []
  let id: string | undefined
  let refusal: string | undefined
  const decoder = createDecoder(
    {
      onId: (given) => (id = given),
      onRetry: (ms) => (backoff.baseMs = ms),
      onComment(text) {
        watchdog.beat()
        settings.onComment?.(text)
      },
      onEvent(event) {
        // Only what an earlier connection has brought comes twice: some servers give many events one id.
        const isRepeated = id !== undefined && seen.has(id) && !event.type.startsWith('tailrace.')
        if (!isRepeated) arrived.push({ event, id })
        id = undefined
      },
    },
    { lastEventId, maxBufferLength: settings.maxEventLength },
  )
  try {
    for (;;) {
      watchdog.start()
      const chunk = await stream.read()
      onBytes()
      if (chunk === undefined) break
      try {
        decoder.push(chunk)
      } catch (cause) {
        // Or what the caller's `onComment` threw.
        if (!(cause instanceof WireError)) throw cause
        return new ClientError('too-large', cause.message, {}, cause)
      }
      // Whoever does not read need not hear anything.
      watchdog.stop()
      for (const { event, id: given } of arrived.splice(0)) {
        if (event.type === 'tailrace.error') refusal = String(facts(event.data)['code'])
        await session.take(event)
        if (given !== undefined) ids.add(given)
        if (ids.size > 2 * MAX_SEEN) ids = new Set([...ids].slice(-MAX_SEEN))
        if (session.isOver) return undefined
      }
      // The last block had no data: its id is a place, and not that of the event to come.
      if (id !== undefined) await session.take(controlOf('tailrace.place', id))
      id = undefined
      await session.room()
    }
  } finally {
    session.seen = new Set([...seen, ...ids].slice(-MAX_SEEN))
  }
  return refusal === undefined
    ? new ClientError('closed-by-server', 'The server has ended the stream')
    : new ClientError('refused-by-server', `The server says ${refusal}`, { reason: refusal })
}
