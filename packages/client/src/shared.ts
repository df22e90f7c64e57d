import type { EventMap, EventOf, Item } from './items.ts'
import type { SubscribeOptions } from './options.ts'
import { ClientError } from './errors.ts'
import { callShared } from './request.ts'
import type { TokenUse, HeadersValue } from './request.ts'
import { advance, CONNECTING, keepOf, newest } from './state.ts'
import type { Facts, SubscriptionState } from './state.ts'
import { subscribe } from './subscribe.ts'
import type { Subscription } from './subscription.ts'

/** How long a subscription without readers stays open, in milliseconds. A reader that joins by then continues it. */
const GRACE_MS = 100

export interface MemberOptions extends Omit<SubscribeOptions, 'signal'> {
  readonly keep?: number | undefined
  readonly onEvent?: ((event: EventOf<EventMap>) => void) | undefined
}

/** One of the readers of a shared subscription. */
export interface Member {
  /** Its current options. Undefined if it already shows something else. */
  readonly options: () => MemberOptions | undefined
  /** Notifies it of a new state. */
  readonly notify: () => void
}

/** The open subscriptions, by the key that their readers have in common. Only mounted components add to it. */
const open = new Map<string, Shared>()

/** The state under a key. */
export function stateOf(key: string): SubscriptionState<EventMap> {
  return open.get(key)?.state ?? CONNECTING
}

/**
 * Joins the subscription under a key. Opens it first if it is not open.
 *
 * @returns a function that stops reading; the last reader to stop closes the subscription
 * @throws ClientError `invalid-option`
 */
export function join(key: string, url: string, options: MemberOptions, member: Member): () => void {
  const shared = open.get(key) ?? new Shared(key, url, options)
  open.set(key, shared)
  return shared.add(member)
}

class Shared {
  state: SubscriptionState<EventMap> = CONNECTING
  readonly #key: string
  readonly #subscription: Subscription<EventMap>
  readonly #members = new Set<Member>()
  #options: MemberOptions
  /** The largest `keep` of a reader. */
  #keep = 0
  /** At most twice that many, so that not every event moves all of them. */
  #events: EventOf<EventMap>[] = []
  #facts: Facts = CONNECTING
  #hasNewEvents = false
  /** The state of the components' function for headers, which other subscriptions may share. */
  readonly #use: TokenUse & { wereRefused: boolean } = { wereRefused: false }
  #isOver = false
  #willShow = false
  #closing: ReturnType<typeof setTimeout> | undefined

  constructor(key: string, url: string, options: MemberOptions) {
    this.#key = key
    this.#options = options
    const { headers, keep: _, onEvent: __, ...others } = options
    this.#subscription = subscribe<EventMap>(url, {
      ...others,
      headers: typeof headers === 'function' ? (refused) => this.#headers(refused) : headers,
      onError: (error) => this.#newestOptions().onError?.(error),
      onComment: (text) => this.#newestOptions().onComment?.(text),
    })
    void this.#read()
  }

  add(member: Member): () => void {
    clearTimeout(this.#closing)
    this.#members.add(member)
    return () => {
      this.#newestOptions()
      this.#members.delete(member)
      if (this.#members.size > 0) return
      if (this.#isOver) this.#close()
      else this.#closing = setTimeout(() => this.#close(), GRACE_MS)
    }
  }

  async #read(): Promise<void> {
    try {
      for await (const item of this.#subscription) this.#take(item)
      this.#facts = { ...this.#facts, status: 'ended', error: undefined }
    } catch (error) {
      this.#facts = { ...this.#facts, status: 'failed', error: asClientError(error) }
    }
    this.#isOver = true
    // An ended subscription is of no use to the next reader.
    if (this.#members.size === 0) this.#close()
    this.#showSoon()
  }

  #take(item: Item<EventMap>): void {
    this.#facts = advance(this.#facts, item)
    this.#showSoon()
    if (item.kind !== 'event') return
    for (const member of this.#members) {
      const options = member.options()
      if (options !== undefined) this.#keep = Math.max(this.#keep, keepOf(options))
    }
    this.#hasNewEvents = true
    this.#events.push(item)
    if (this.#events.length > 2 * this.#keep) this.#events = newest(this.#events, this.#keep)
    for (const member of this.#members) {
      try {
        member.options()?.onEvent?.(item)
      } catch (error) {
        // An error in one component must not stop the others.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  /** One rendering for all events that arrive together: React renders each change of a store separately. */
  #showSoon(): void {
    if (this.#willShow) return
    this.#willShow = true
    setTimeout(() => {
      this.#willShow = false
      const events = this.#hasNewEvents ? newest(this.#events, this.#keep) : this.state.events
      this.#hasNewEvents = false
      this.state = { ...this.#facts, events }
      for (const { notify } of this.#members) notify()
    })
  }

  #headers(refused: boolean): HeadersValue | Promise<HeadersValue> {
    const { headers } = this.#newestOptions()
    this.#use.wereRefused = refused
    return typeof headers === 'function' ? callShared(headers, this.#use) : (headers ?? {})
  }

  /** The options of the reader that joined last. They are remembered for when there are no readers. */
  #newestOptions(): MemberOptions {
    for (const member of this.#members) this.#options = member.options() ?? this.#options
    return this.#options
  }

  #close(): void {
    clearTimeout(this.#closing)
    if (open.get(this.#key) === this) open.delete(this.#key)
    this.#subscription.close()
  }
}

function asClientError(error: unknown): ClientError {
  if (ClientError.is(error)) return error
  return new ClientError('callback', `One of the callbacks threw: ${String(error)}`, { cause: error })
}
