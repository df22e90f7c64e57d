import { Backoff } from './backoff.ts'
import { connect } from './connection.ts'
import type { ClientError } from './errors.ts'
import { readTimeoutOf, statusOf } from './items.ts'
import type { EventMap, EventOf, Item, Status, StreamEvent } from './items.ts'
import { resolveOptions } from './options.ts'
import type { SubscribeOptions } from './options.ts'
import { Queue } from './queue.ts'
import type { Session } from './session.ts'
import type { Tabs } from './tabs.ts'
import { delayAfter } from './verdict.ts'
import { onWake } from './wake.ts'

/** Streams that did not begin in time before it polls. */
const MAX_LATE = 2
/** What only a stream has. */
const ONLY_STREAMED = /[?&](snapshot|gap|envelope|conflate)=/

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
  const { store, signal, decode } = settings
  const storeKey = `tailrace:${settings.url}`
  const queue = new Queue<Item<Events>>(settings.maxQueued)
  const listeners = new Map<string, Set<(event: never) => void>>()
  const statusListeners = new Set<(status: Status) => void>()
  let isIterated = false
  /** The place after the last event that was handed on. */
  let place = settings.lastEventId ?? store?.getItem(storeKey) ?? ''
  let tabs: Tabs | undefined
  let begin!: () => void
  const closed = new Promise<void>((resolve) => (begin = resolve)).then(run)
  const end = (): void => queue.end(closed)
  closed.then(end, end)

  const session: Session = {
    settings,
    queue,
    backoff: new Backoff(settings.initialDelay, settings.maxDelay),
    lastEventId: place,
    seen: new Set(),
    readTimeoutMs: settings.readTimeoutMs,
    wereHeadersRefused: false,
    canPoll: settings.fallback !== false && settings.method === 'GET' && !ONLY_STREAMED.test(settings.url),

    async take(decoded) {
      const { data: text, lastEventId: id, ...fields } = decoded
      const { type } = fields
      const status = statusOf(decoded)
      tabs?.pass(decoded)
      if (status !== undefined) {
        session.tell(status)
        if (status.kind === 'end') close()
        if (options.readTimeoutMs === undefined)
          session.readTimeoutMs = readTimeoutOf(text) ?? session.readTimeoutMs
      } else if (!type.startsWith('tailrace.')) {
        const data = decode === undefined ? text : await decode(type, text)
        // Closed meanwhile.
        if (session.isOver) return
        const event = { kind: 'event', ...fields, data, id } as EventOf<Events>
        if (isIterated) queue.push(event)
        for (const listener of listeners.get(type) ?? []) listener(event as never)
      }
      session.lastEventId = id
      if (!isIterated) keepPlace(id)
    },

    tell(status) {
      if (isIterated) queue.push(status)
      for (const listener of statusListeners) listener(status)
    },
  }

  async function run(): Promise<void> {
    const stopWaking = onWake(() => session.wake?.())
    let late = 0
    try {
      if (settings.share === true && !session.isOver) tabs = (await import('./tabs.ts')).joinTabs(session)
      for (;;) {
        await tabs?.turn()
        if (session.isOver) return
        const isPolling = session.canPoll && late >= MAX_LATE
        const error = await (isPolling ? (await import('./poll.ts')).poll(session) : connect(session))
        if (session.isOver) return
        if (isPolling) late = MAX_LATE - 1
        if (error !== undefined) await recover(error)
        late = error?.code === 'open-timeout' ? late + 1 : isPolling ? late : 0
      }
    } finally {
      close()
      stopWaking()
      tabs?.leave()
      signal?.removeEventListener('abort', close)
    }
  }

  /** Waits before the next attempt. @throws the error, when there is to be none */
  async function recover(error: ClientError): Promise<void> {
    const { status, reason } = error.details
    const isRefused = status === 401 || reason === 'token-expired'
    session.wereHeadersRefused =
      isRefused && !session.wereHeadersRefused && typeof settings.headers === 'function'
    const { backoff } = session
    const delayMs = session.wereHeadersRefused ? backoff.refresh() : delayAfter(error, settings, backoff)
    if (delayMs === undefined) throw error
    session.tell({ kind: 'reconnecting', error, delayMs })
    tabs?.lose(error, delayMs)
    // Closed by whoever was told.
    if (session.isOver) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      session.interrupt = session.wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  function keepPlace(id: string): void {
    place = id
    try {
      store?.setItem(storeKey, id)
    } catch {
      // A full quota: it starts over after a reload.
    }
  }

  function close(): void {
    session.isOver = true
    session.interrupt?.()
    queue.release()
    begin()
  }

  function add<T>(set: Set<T>, listener: T): () => void {
    set.add(listener)
    begin()
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
      return place
    },
    [Symbol.asyncIterator]() {
      isIterated = true
      begin()
      let isDone = false
      let taken: Item<Events> | undefined
      // No generator: that one would hear of `return()` only when there is an item.
      return {
        async next() {
          // Asked for the next one: the last one was dealt with.
          if (taken !== undefined && 'id' in taken) keepPlace(taken.id)
          taken = isDone ? undefined : await queue.next()
          if (taken === undefined) return { done: true, value: undefined }
          if ('id' in taken) place = taken.id
          return { done: false, value: taken }
        },
        async return(value) {
          isDone = true
          close()
          return { done: true, value }
        },
      }
    },
  }
}
