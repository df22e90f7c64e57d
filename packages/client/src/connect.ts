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

/** The most topics and patterns of one stream (spec/protocol.md, 3.1). */
const MAX_SELECTORS = 100

/** Options of `subscribe` that are not about the connection, or about one that stays the same. */
const OTHERS = ['method', 'body', 'decode', 'lastEventId', 'store', 'share'] as const

export type ConnectOptions = Omit<SubscribeOptions, (typeof OTHERS)[number]>

export interface TopicOptions {
  /** Makes `data` of the text, for this subscription alone. @defaultValue the text */
  readonly decode?: Decode | undefined
  /**
   * Where it starts: `start` (everything retained), or the id of an event: what follows it. It catches up over a
   * connection of its own, and then joins the others.
   *
   * @defaultValue what is new from when it is told that it is `live`
   */
  readonly from?: string | undefined
}

/** One connection for all subscriptions of a page. It is open while there are any. */
export interface PageConnection {
  /**
   * Subscribes to topics or patterns. The connection is opened anew with them, from the place that it has reached, so
   * no other subscription loses or repeats an event.
   *
   * @throws ClientError `invalid-option` for more than 100 topics of all subscriptions together
   */
  subscribe<Events extends EventMap = Record<string, string>>(
    topics: string | readonly string[],
    options?: TopicOptions,
  ): Subscription<Events>
  /** Connects again at once, from the place that it has: with new cookies, for example. */
  restart(): void
  /** Ends all subscriptions. */
  close(): void
}

/** One subscription of a page. */
interface Member {
  readonly selectors: readonly string[]
  readonly outlet: Outlet<EventMap>
  /** Where it starts; afterwards the connection has its place. */
  from: string | undefined
  /** The present connection has its topics. */
  isJoined: boolean
  /** It does not want what is older than the connection that it joined. */
  skipsUntilLive: boolean
  /** It has had everything up to here. */
  skipsThrough: string | undefined
  /** The hub has served it once. */
  isServed: boolean
  isOver: boolean
  end(error?: unknown): void
}

/**
 * Makes one connection to a hub for many subscriptions, which come and go.
 *
 * All of them read one stream, and the log has one order, so one place stands for all of them. When their topics
 * change, the stream is opened again from there. One that starts at an earlier place sets the connection back to it;
 * the others then skip what they have had.
 *
 * @param url of the hub
 * @throws ClientError `invalid-option`
 */
export function connect(url: string | URL, options: ConnectOptions = {}): PageConnection {
  refuse(options, (name) => (OTHERS as readonly string[]).includes(name))
  const settings = resolveOptions(`${String(url).replace(/\/$/, '')}/events`, options)
  const { signal } = settings
  /** All that are not over: their topics count, also before they want events. */
  const all = new Set<Member>()
  /** Those that want events, and have caught up. */
  const members = new Set<Member>()
  let feed: Feed | undefined
  let willChange = false
  /** Of a stream of a single topic, which does not name it. */
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

  /** Opens, changes or closes the connection: once for all changes that are made together. */
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

  /** Topics were added, or are not needed any more. */
  function isStale({ url: present }: Feed): boolean {
    return present !== settingsOf(selectorsOf(members)).url || [...members].some(({ isJoined }) => !isJoined)
  }

  function open(lastEventId: string): void {
    if (members.size === 0) return
    const opened = createFeed(settingsOf(selectorsOf(members)), sink, lastEventId)
    feed = opened
    const over = (error?: unknown): void => {
      feed = undefined
      // The topics of a new subscription may be refused. The others go on without it.
      const served = [...members].filter(({ isServed }) => isServed)
      const isForAll = error === undefined || served.length === members.size
      for (const member of members) {
        if (error !== undefined && (isForAll || !member.isServed)) member.end(error)
      }
      open(opened.lastEventId)
    }
    opened.closed.then(() => over(), over)
    opened.begin()
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
      firstSelector = [...selectors][0] ?? ''
      feed!.url = settingsOf(selectors).url
    },
    async take(event: DecodedEvent) {
      const { topic = firstSelector, lastEventId } = event
      for (const member of members) {
        if (!member.isJoined || !member.selectors.some((selector) => selects(selector, topic))) continue
        member.isServed = true
        if (member.skipsUntilLive) continue
        const { skipsThrough } = member
        if (skipsThrough !== undefined && (orderOf(lastEventId, skipsThrough) ?? 1) <= 0) continue
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
          // In another log the place says nothing.
          if (!/^(expired|overflow)$/.test(status.reason)) member.skipsThrough = undefined
        }
        void attempt(member, () => outlet.tell(status))
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

  /** Takes a subscription into the connection that is about to be made. */
  function join(member: Member): void {
    const { from } = member
    const place = feed!.lastEventId
    member.isJoined = true
    // Events that another one has had would be taken for repeats.
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
        const { skipsThrough } = other
        if (skipsThrough === undefined || (orderOf(skipsThrough, place) ?? -1) < 0) other.skipsThrough = place
      }
    }
  }

  /** Reads up to what is new over a connection of its own. */
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

/** @throws ClientError `invalid-option` for the options that are not taken */
function refuse(options: object, isRefused: (name: string) => boolean): void {
  const option = Object.keys(options).find(isRefused)
  if (option === undefined) return
  throw new ClientError('invalid-option', `${option} is not an option here`, { details: { option } })
}
