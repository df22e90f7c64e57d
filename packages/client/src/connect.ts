import type { DecodedEvent } from '@tailrace/wire'
import { ClientError } from './errors.ts'
import { createFeed } from './feed.ts'
import type { Feed } from './feed.ts'
import type { EventMap, Status } from './items.ts'
import { resolveOptions } from './options.ts'
import type { ResolvedOptions, SubscribeOptions } from './options.ts'
import type { Decode } from './payload.ts'
import { orderOf } from './place.ts'
import { selects } from './selector.ts'
import { createOutlet } from './subscription.ts'
import type { Outlet, Subscription } from './subscription.ts'

/** Maximum number of topics and patterns of one stream (spec/protocol.md, 3.1). */
const MAX_SELECTORS = 100

/** Options of `subscribe` that `connect` does not accept. */
const OTHERS = ['method', 'body', 'decode', 'lastEventId', 'store', 'share'] as const

/** The options of `subscribe`, except those that belong to a single subscription. */
export type ConnectOptions = Omit<SubscribeOptions, (typeof OTHERS)[number]>

/** How one subscription of a connection reads its topics. */
export interface TopicOptions {
  /** Converts the text of an event to `data`, for this subscription only. @defaultValue the text */
  readonly decode?: Decode | undefined
  /**
   * Where it starts: `start` (everything retained), or the id of the event to continue after. It catches up over its own
   * connection, and then joins the others.
   *
   * @defaultValue events that are published after it becomes `live`
   */
  readonly from?: string | undefined
}

/** One connection for all subscriptions of a page. It is open while there is at least one. */
export interface PageConnection {
  /**
   * Subscribes to topics or patterns. The connection is reopened with them from its current position, so no other
   * subscription misses or repeats an event.
   *
   * @throws ClientError `invalid-option` if all subscriptions together have more than 100 topics
   */
  subscribe<Events extends EventMap = Record<string, string>>(
    topics: string | readonly string[],
    options?: TopicOptions,
  ): Subscription<Events>
  /** Reconnects at once from the current position, for example with new cookies. */
  restart(): void
  /** Ends all subscriptions. */
  close(): void
}

/** One subscription of a page. */
interface Member {
  readonly selectors: readonly string[]
  readonly outlet: Outlet<EventMap>
  /** Where it starts. After it has joined, the position is that of the connection. */
  from: string | undefined
  /** The current connection includes its topics. */
  isJoined: boolean
  /** It skips events that are older than the connection that it joined. */
  skipsUntilLive: boolean
  /** It has received everything up to here. */
  skipsThrough: string | undefined
  /** The hub has accepted its topics. */
  isServed: boolean
  isOver: boolean
  end(error?: unknown): void
}

/**
 * Creates one connection to a hub for many subscriptions, which come and go.
 *
 * All of them read one stream, and the log has one order, so one position applies to all of them. When their topics
 * change, the stream is reopened from there. A subscription that starts earlier moves the
 * connection back; the others then skip the events that they have already received.
 *
 * @param url of the hub
 * @throws ClientError `invalid-option`
 */
export function connect(url: string | URL, options: ConnectOptions = {}): PageConnection {
  refuse(options, (name) => (OTHERS as readonly string[]).includes(name))
  const settings = resolveOptions(`${String(url).replace(/\/$/, '')}/events`, options)
  const { signal } = settings
  /** All that have not ended. Their topics count even before they want events. */
  const all = new Set<Member>()
  /** Those that want events, and have caught up. */
  const members = new Set<Member>()
  let feed: Feed | undefined
  let willChange = false
  /** The topic of a stream of a single topic, whose events do not name it. */
  let firstSelector = ''

  function settingsOf(selectors: Iterable<string>, from?: string): ResolvedOptions {
    const address = new URL(settings.url)
    for (const selector of selectors) address.searchParams.append('topic', selector)
    if (from !== undefined) address.searchParams.set('from', from)
    return { ...settings, url: address.href }
  }

  function selectorsOf(of: Iterable<Member>): Set<string> {
    return new Set([...of].flatMap(({ selectors }) => selectors))
  }

  /** Opens, changes or closes the connection, once for all changes made together. */
  function changeSoon(): void {
    if (willChange) return
    willChange = true
    queueMicrotask(() => {
      willChange = false
      if (feed === undefined) open('')
      else if (members.size === 0) feed.close()
      else if (isStale(feed)) feed.reopen()
    })
  }

  /** Whether topics were added, or are no longer needed. */
  function isStale({ url: present }: Feed): boolean {
    return present !== settingsOf(selectorsOf(members)).url || [...members].some(({ isJoined }) => !isJoined)
  }

  function open(lastEventId: string): void {
    if (members.size === 0) return
    const opened = createFeed(settingsOf(selectorsOf(members)), sink, lastEventId)
    feed = opened
    const over = (error?: ClientError): void => {
      feed = undefined
      const isForAll = [...members].every(({ isServed }) => isServed)
      if (error !== undefined)
        for (const member of members) {
          // If the only topic of the connection has failed, those that were added meanwhile continue. If the hub has
          // refused topics, those that it served before continue.
          if (error.code === 'stream-failed' ? member.isJoined : isForAll || !member.isServed)
            member.end(error)
        }
      open(opened.lastEventId)
    }
    opened.closed.then(() => over(), over)
    opened.begin()
  }

  function has({ isJoined, selectors }: Member, topic: string): boolean {
    return isJoined && selectors.some((selector) => selects(selector, topic))
  }

  /** Whether it has not received what is at a position. */
  function lacks({ skipsUntilLive, skipsThrough }: Member, id: string): boolean {
    return !skipsUntilLive && (orderOf(id, skipsThrough) ?? 1) > 0
  }

  /** A listener or a decoder that throws ends its own subscription. */
  async function attempt(member: Member, task: () => void | Promise<void>): Promise<void> {
    try {
      await task()
    } catch (error) {
      member.end(error)
    }
  }

  const sink = {
    prepare() {
      for (const member of members) {
        if (!member.isJoined) join(member)
      }
      const selectors = selectorsOf(members)
      ;[firstSelector = ''] = selectors
      feed!.url = settingsOf(selectors).url
    },
    async take(event: DecodedEvent) {
      const { topic = firstSelector, lastEventId } = event
      for (const member of members) {
        if (!has(member, topic)) continue
        member.isServed = true
        if (!lacks(member, lastEventId)) continue
        await attempt(member, () => member.outlet.take({ ...event, topic }))
      }
    },
    tell(status: Status) {
      for (const member of members) {
        const { isJoined, outlet } = member
        if (!isJoined && status.kind !== 'reconnecting') continue
        if (status.kind === 'live') {
          member.isServed = true
          member.skipsUntilLive = false
        }
        if (status.kind === 'gap') {
          if (member.skipsUntilLive) continue
          // In a different log, the position means nothing.
          if (!/^(expired|overflow)$/.test(status.reason)) member.skipsThrough = undefined
        }
        if (status.kind === 'stream-failed') {
          const { topic, id, error } = status
          if (!has(member, topic) || !lacks(member, id)) continue
          if (member.selectors.every((selector) => selector === topic)) member.end(error)
        }
        if (!member.isOver) void attempt(member, () => outlet.tell(status))
        if (status.kind === 'end') member.end()
      }
    },
    keep(id: string) {
      for (const { isJoined, skipsUntilLive, outlet } of members) {
        if (isJoined && !skipsUntilLive) outlet.keep(id)
      }
    },
    get isFull() {
      return [...members].some(({ outlet }) => outlet.isFull)
    },
    async room() {
      for (const { outlet } of members) await outlet.room()
    },
  }

  /** Adds a subscription to the connection that is about to be opened. */
  function join(member: Member): void {
    const { from } = member
    const place = feed!.lastEventId
    member.isJoined = true
    // Otherwise, events that another subscription has received would be treated as repeats.
    feed!.seen.clear()
    if (from === undefined) {
      member.skipsUntilLive = true
      return
    }
    const order = place === '' ? -1 : orderOf(from, place)
    member.skipsThrough = from
    if (order === undefined) {
      const gap: Status = { kind: 'gap', reason: 'epoch', from, oldest: place }
      void attempt(member, () => member.outlet.tell(gap))
    } else if (order < 0) {
      feed!.lastEventId = from
      for (const other of members) {
        if (other === member || !other.isJoined || other.skipsUntilLive || place === '') continue
        if ((orderOf(other.skipsThrough, place) ?? -1) < 0) other.skipsThrough = place
      }
    }
  }

  /** Catches up over its own connection, until it is live. */
  function catchUp(member: Member, from: string): Feed {
    const { outlet } = member
    const isStart = from === 'start'
    const own = createFeed(
      settingsOf(member.selectors, isStart ? from : undefined),
      {
        take: (event) => outlet.take({ ...event, topic: event.topic ?? member.selectors[0]! }),
        tell(status) {
          if (status.kind === 'live') own.close()
          else outlet.tell(status)
          if (status.kind === 'end') member.end()
        },
        keep: outlet.keep,
        get isFull() {
          return outlet.isFull
        },
        room: outlet.room,
      },
      isStart ? '' : from,
    )
    const joinSoon = (): void => {
      if (member.isOver) return
      member.from = own.lastEventId
      members.add(member)
      changeSoon()
    }
    own.closed.then(joinSoon, (error: unknown) => member.end(error))
    own.begin()
    return own
  }

  const page: PageConnection = {
    subscribe<Events extends EventMap>(topics: string | readonly string[], given: TopicOptions = {}) {
      refuse(given, (name) => name !== 'from' && name !== 'decode')
      const selectors = [...new Set([topics].flat())]
      const { from, decode } = given
      if (selectors.length === 0 || new Set([...selectorsOf(all), ...selectors]).size > MAX_SELECTORS) {
        const details = { option: 'topics' }
        throw new ClientError('invalid-option', `A page has 1 to ${MAX_SELECTORS} topics`, { details })
      }
      const { maxQueuedEvents } = settings
      const outlet = createOutlet<Events>({ decode, maxQueuedEvents, lastEventId: '' })
      let settle!: (error?: unknown) => void
      let own: Feed | undefined
      let hasBegun = false
      const member: Member = {
        selectors,
        outlet: outlet as Outlet<EventMap>,
        from,
        isJoined: false,
        skipsUntilLive: false,
        skipsThrough: undefined,
        isServed: false,
        isOver: false,
        end(error) {
          if (member.isOver) return
          member.isOver = true
          all.delete(member)
          own?.close()
          if (members.delete(member)) changeSoon()
          settle(error)
        },
      }
      const closed = new Promise<void>((resolve, reject) => {
        settle = (error) => (error === undefined ? resolve() : reject(error))
      })
      all.add(member)
      if (signal?.aborted === true) member.end()
      return outlet.open({
        begin() {
          if (hasBegun || member.isOver) return
          hasBegun = true
          if (from !== undefined) {
            own = catchUp(member, from)
            return
          }
          members.add(member)
          changeSoon()
        },
        close: () => member.end(),
        closed,
        get isOver() {
          return member.isOver
        },
      })
    },
    restart: () => feed?.restart(),
    close() {
      signal?.removeEventListener('abort', page.close)
      for (const member of all) member.end()
    },
  }
  signal?.addEventListener('abort', page.close)
  return page
}

/** @throws ClientError `invalid-option` for options that are not supported */
function refuse(options: object, isRefused: (name: string) => boolean): void {
  const option = Object.keys(options).find(isRefused)
  if (option === undefined) return
  throw new ClientError('invalid-option', `${option} is not an option here`, { details: { option } })
}
