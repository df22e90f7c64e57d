import type { DecodedEvent } from '@tailrace/wire'
import type { EventMap, EventOf, Item, Status, StreamEvent } from './items.ts'
import type { Decode } from './payload.ts'
import { createQueue } from './queue.ts'
import type { Sink } from './sink.ts'

/** A stream that continues after lost connections. Iterate over it, or add listeners: the first of either connects it. */
export interface Subscription<Events extends EventMap> extends AsyncIterable<Item<Events>> {
  /** Calls back for each event of a type. @returns a function that removes the listener */
  on<Type extends keyof Events & string>(
    type: Type,
    listener: (event: StreamEvent<Type, Events[Type]>) => void,
  ): () => void
  /** Calls back for each change of state. @returns a function that removes the listener */
  onStatus(listener: (status: Status) => void): () => void
  /** Ends it. Events that were already read still reach the loop. */
  close(): void
  /** Resolves when it is closed, or when the topics have ended. Rejects with a ClientError after a permanent failure. */
  readonly closed: Promise<void>
  /** The position after the last event that was passed on. */
  readonly lastEventId: string
}

/** The source of a subscription's events. */
export interface Origin {
  /** Called when a listener is added or a loop starts. */
  begin(): void
  close(): void
  readonly closed: Promise<void>
  readonly isOver: boolean
}

export interface OutletOptions {
  readonly decode?: Decode | undefined
  readonly maxQueuedEvents: number
  readonly lastEventId: string
  /** Saves the position. */
  readonly save?: ((id: string) => void) | undefined
}

/** Both ends of a subscription: a sink for the feed, and a subscription for the caller. */
export interface Outlet<Events extends EventMap> extends Sink {
  /** Creates the subscription, whose events come from this origin. */
  open(origin: Origin): Subscription<Events>
}

export function createOutlet<Events extends EventMap>(options: OutletOptions): Outlet<Events> {
  const { decode, maxQueuedEvents, save } = options
  const queue = createQueue<Item<Events>>(maxQueuedEvents)
  const listeners = new Map<string, Set<(event: never) => void>>()
  const statusListeners = new Set<(status: Status) => void>()
  let isIterated = false
  let place = options.lastEventId
  let origin: Origin

  function keep(id: string): void {
    place = id
    save?.(id)
  }

  function close(): void {
    origin.close()
    // Stop waiting for room: nothing more will be read.
    queue.release()
  }

  function add<T>(set: Set<T>, listener: T): () => void {
    set.add(listener)
    origin.begin()
    return () => void set.delete(listener)
  }

  return {
    async take({ data: text, lastEventId: id, ...fields }: DecodedEvent) {
      const { type } = fields
      const data = decode === undefined ? text : await decode(type, text)
      // Closed meanwhile.
      if (origin.isOver) return
      const event = { kind: 'event', ...fields, data, id } as EventOf<Events>
      if (isIterated) queue.push(event)
      for (const listener of listeners.get(type) ?? []) listener(event as never)
    },
    tell(status) {
      if (isIterated) queue.push(status)
      for (const listener of statusListeners) listener(status)
    },
    keep(id) {
      // A loop has processed an event when it requests the next one.
      if (!isIterated) keep(id)
    },
    get isFull() {
      return queue.isFull
    },
    room: () => queue.room(),
    open(given) {
      origin = given
      const { closed } = origin
      const end = (): void => queue.end(closed)
      closed.then(end, end)
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
          origin.begin()
          let isDone = false
          let taken: Item<Events> | undefined
          // Not a generator, which would notice `return()` only at the next item.
          return {
            async next() {
              // A request for the next item: the last one was processed.
              if (taken !== undefined && 'id' in taken) keep(taken.id)
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
    },
  }
}
