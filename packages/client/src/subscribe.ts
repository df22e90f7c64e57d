import { createDecoder } from '@tailrace/wire'
import type { DecodedEvent } from '@tailrace/wire'
import { Backoff } from './backoff.ts'
import { ClientError } from './errors.ts'
import { facts, statusOf } from './items.ts'
import type { EventMap, EventOf, Item, Status, StreamEvent } from './items.ts'
import { resolveOptions } from './options.ts'
import type { SubscribeOptions } from './options.ts'
import { Queue } from './queue.ts'
import { requestOf } from './request.ts'
import { openStream } from './stream.ts'
import type { OpenStream } from './stream.ts'
import { delayAfter } from './verdict.ts'
import { onWake } from './wake.ts'
import { Watchdog } from './watchdog.ts'

/** The most ids that are remembered to tell what comes twice. */
const MAX_SEEN = 256
/** Streams that did not begin in time before it polls. */
const MAX_LATE = 2

/** A stream that goes on over lost connections. Iterate over it, or add listeners: it connects when either is done. */
export interface Subscription<Events extends EventMap> extends AsyncIterable<Item<Events>> {
  /** Calls back for each event of a type. @returns removes the listener */
  on<Type extends keyof Events & string>(
    type: Type,
    listener: (event: StreamEvent<Type, Events[Type]>) => void,
  ): () => void
  /** Calls back for each change of state. @returns removes the listener */
  onStatus(listener: (status: Status) => void): () => void
  /** Ends it. What was read and not yet taken is still given to whoever iterates. */
  close(): void
  /** Resolves when it is over: closed, or the topics have ended. Rejects with a ClientError when it failed for good. */
  readonly closed: Promise<void>
  /** The place after the last event that was handed on. */
  readonly lastEventId: string
}

/**
 * Subscribes to a URL that answers with `text/event-stream`.
 *
 * @throws ClientError `invalid-option`
 */
export function subscribe<Events extends EventMap = Record<string, string>>(
  url: string | URL,
  options: SubscribeOptions = {},
): Subscription<Events> {
  const settings = resolveOptions(String(url), options)
  const { store, signal } = settings
  const storeKey = `tailrace:${settings.url}`
  const backoff = new Backoff(settings.initialDelay, settings.maxDelay)
  const queue = new Queue<Item<Events>>(settings.maxQueued)
  const listeners = new Map<string, Set<(event: never) => void>>()
  const statusListeners = new Set<(status: Status) => void>()
  let lastEventId = settings.lastEventId ?? store?.getItem(storeKey) ?? ''
  /** The ids of the connections before this one, newest last. */
  let seen: ReadonlySet<string> = new Set()
  let isStarted = false
  let isClosed = false
  let isIterated = false
  let wereHeadersRefused = false
  let canPoll = settings.fallback !== false && (settings.method ?? 'GET') === 'GET'
  let late = 0
  /** Ends what is under way: a connection, or the wait for the next. */
  let interrupt: (() => void) | undefined
  let wake: (() => void) | undefined
  let resolveClosed: () => void
  let rejectClosed: (error: unknown) => void
  const closed = new Promise<void>((resolve, reject) => {
    resolveClosed = resolve
    rejectClosed = reject
  })
  // Whoever only iterates learns of a failure there.
  closed.catch(() => {})

  function start(): void {
    if (isStarted) return
    isStarted = true
    const stopWaking = onWake(() => wake?.())
    void run().then(finish, finish).finally(stopWaking)
  }

  async function run(): Promise<void> {
    for (;;) {
      const error = await connect()
      if (error === undefined || isClosed) return
      const { code, details } = error
      const isRefused = details['status'] === 401 || details['reason'] === 'token-expired'
      wereHeadersRefused = isRefused && !wereHeadersRefused && typeof settings.headers === 'function'
      const delayMs = wereHeadersRefused ? 0 : delayAfter(error, settings, backoff)
      if (delayMs === undefined) throw error
      late = code === 'open-timeout' ? late + 1 : 0
      tell({ kind: 'reconnecting', error, delayMs })
      await wait(delayMs)
      if (isClosed) return
    }
  }

  /** One connection. @returns why there has to be another; nothing when the topics have ended */
  async function connect(): Promise<ClientError | undefined> {
    const connection = new AbortController()
    interrupt = () => connection.abort()
    let cutBy: ClientError | undefined
    const cut = (code: 'silent' | 'open-timeout', message: string): void => {
      cutBy ??= new ClientError(code, message)
      connection.abort()
    }
    const watchdog = new Watchdog(() => cut('silent', 'A heartbeat was missed'))
    wake = () => watchdog.isOverdue && cut('silent', 'Nothing was heard during sleep')
    const opening = setTimeout(() => cut('open-timeout', 'No stream came in time'), settings.openTimeout)
    const began = Date.now()
    try {
      if (canPoll && late >= MAX_LATE) {
        clearTimeout(opening)
        const { poll } = await import('./poll.ts')
        canPoll = await poll({ settings, lastEventId, signal: connection.signal, take })
        // Once more as a stream; when that is late again, on with polling.
        late = MAX_LATE - 1
      }
      const init = await requestOf(settings, 'text/event-stream', lastEventId, wereHeadersRefused)
      const stream = await openStream(settings.fetch, settings.url, { ...init, signal: connection.signal })
      if (stream === undefined) {
        tell({ kind: 'end', topic: undefined })
        return undefined
      }
      wereHeadersRefused = false
      // Where it can poll it is a hub, which says something at once; others may take their time.
      if (!canPoll) clearTimeout(opening)
      return await readAll(stream, watchdog, () => clearTimeout(opening))
    } catch (error) {
      if (cutBy !== undefined) return cutBy
      if (error instanceof ClientError) return error
      throw error
    } finally {
      clearTimeout(opening)
      watchdog.stop()
      connection.abort()
      wake = undefined
      if (Date.now() - began >= settings.stableAfter) backoff.reset()
    }
  }

  async function readAll(
    stream: OpenStream,
    watchdog: Watchdog,
    onBytes: () => void,
  ): Promise<ClientError | undefined> {
    const ids = new Set<string>()
    const arrived: DecodedEvent[] = []
    let id: string | undefined
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
          if (id !== undefined) ids.add(id)
          id = undefined
          if (!isRepeated) arrived.push(event)
        },
      },
      { lastEventId, maxBufferLength: settings.maxEventLength },
    )
    let refusal: string | undefined
    try {
      for (;;) {
        watchdog.start()
        const chunk = await stream.read()
        onBytes()
        if (chunk === undefined) break
        try {
          decoder.push(chunk)
        } catch (cause) {
          return new ClientError('too-large', (cause as Error).message, {}, cause)
        }
        // Whoever does not read need not hear anything.
        watchdog.stop()
        for (const event of arrived.splice(0)) {
          if (event.type === 'tailrace.error') refusal = String(facts(event.data)['code'])
          if (await take(event)) return undefined
        }
        if (isIterated) await queue.room()
      }
      lastEventId = decoder.lastEventId
    } finally {
      seen = new Set([...seen, ...ids].slice(-MAX_SEEN))
    }
    return refusal === undefined
      ? new ClientError('closed-by-server', 'The server has ended the stream')
      : new ClientError('refused-by-server', `The server says ${refusal}`, { reason: refusal })
  }

  /** @returns whether it was the last that will ever come */
  async function take(decoded: DecodedEvent): Promise<boolean> {
    const { type, data: text, lastEventId: id, topic } = decoded
    const status = statusOf(decoded)
    if (status !== undefined) {
      tell(status)
    } else if (!type.startsWith('tailrace.')) {
      const data = settings.decode === undefined ? text : await settings.decode(type, text)
      const event = { kind: 'event', type, data, id, topic } as EventOf<Events>
      if (isIterated) queue.push(event)
      for (const listener of listeners.get(type) ?? []) listener(event as never)
    }
    lastEventId = id
    if (!isIterated) keepPlace(id)
    return status?.kind === 'end'
  }

  function tell(status: Status): void {
    if (isIterated) queue.push(status)
    for (const listener of statusListeners) listener(status)
  }

  function keepPlace(id: string): void {
    try {
      store?.setItem(storeKey, id)
    } catch {
      // A full quota: it starts over after a reload.
    }
  }

  function wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      interrupt = wake = () => {
        clearTimeout(timer)
        resolve()
      }
      // By whoever was told of the reconnection.
      if (isClosed) interrupt()
    })
  }

  function finish(error: Error | void): void {
    close()
    queue.end(error ?? undefined)
    if (error === undefined) resolveClosed()
    else rejectClosed(error)
  }

  function close(): void {
    isClosed = true
    interrupt?.()
    signal?.removeEventListener('abort', close)
    if (!isStarted) {
      isStarted = true
      finish(undefined)
    }
  }

  function add<T>(set: Set<T>, listener: T): () => void {
    set.add(listener)
    start()
    return () => void set.delete(listener)
  }

  signal?.addEventListener('abort', close)
  if (signal?.aborted === true) close()

  return {
    on(type, listener) {
      const set = listeners.get(type) ?? new Set()
      listeners.set(type, set)
      return add(set, listener as (event: never) => void)
    },
    onStatus: (listener) => add(statusListeners, listener),
    close,
    closed,
    get lastEventId() {
      return lastEventId
    },
    async *[Symbol.asyncIterator]() {
      isIterated = true
      start()
      try {
        for (let item = await queue.next(); item !== undefined; item = await queue.next()) {
          yield item
          // Asked for the next one: this one was dealt with.
          if ('id' in item) keepPlace(item.id)
        }
      } finally {
        close()
      }
    },
  }
}
