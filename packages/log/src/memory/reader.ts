import type { Page, Query, StoredEvent } from '../event-log.ts'
import type { Loss } from '../losses.ts'
import { PatternLosses } from '../losses.ts'
import { Selection } from '../selection.ts'
import { isPattern } from '../selector.ts'
import type { Slice } from '../slice.ts'
import type { Entry, Store, Topic } from './store.ts'

/** Reads pages of a memory log, each with a bounded amount of work. */
export class Reader {
  readonly #store: Store
  readonly #patternLosses: PatternLosses

  constructor(store: Store) {
    this.#store = store
    this.#patternLosses = new PatternLosses(function* ({ losses }) {
      for (const { name, loss } of store.lossesAfter(losses)) yield { topic: name, id: 0, ...loss }
    })
  }

  /** @returns undefined if the slice ended before anything could be read: call again to continue */
  page(query: Query, accepts: (entry: Entry) => boolean, slice: Slice): Page | undefined {
    const loss = this.#lossOf(query.selectors, slice)
    if (loss === undefined) return undefined
    return { ...this.#found(query, accepts, slice), ...loss }
  }

  #found(
    { selectors, after, limit, maxBytes }: Query,
    accepts: (entry: Entry) => boolean,
    slice: Slice,
  ): Pick<Page, 'events' | 'next' | 'more'> {
    const events: StoredEvent[] = []
    const { newest } = this.#store
    let bytes = 0
    const isSelected = this.#selecting(selectors)
    for (const entry of this.#entriesAfter(selectors, after)) {
      const { place, event } = entry
      if (isSelected(entry.topic) && accepts(entry)) {
        if (events.length === limit || bytes >= maxBytes) return { events, next: place - 1, more: true }
        events.push(event!)
        bytes += entry.bytes
      }
      if (!slice.spend()) return { events, next: place, more: place < newest }
    }
    return { events, next: newest, more: false }
  }

  /** For one topic, its own events are walked in order. For several, all events of the log are examined. */
  #entriesAfter(selectors: readonly string[], after: number): Iterable<Entry> {
    const [selector] = selectors
    if (after >= this.#store.newest) return []
    if (selectors.length > 1 || isPattern(selector!)) return this.#store.entries.after(after)
    return this.#store.topics.get(selector!)?.entries.after(after) ?? []
  }

  #selecting(selectors: readonly string[]): (topic: Topic) => boolean {
    const selection = new Selection(selectors)
    const known = new Map<Topic, boolean>()
    return (topic) => {
      const isKnown = known.get(topic)
      if (isKnown !== undefined) return isKnown
      const isSelected = !topic.isPurged && selection.matches(topic.name)
      known.set(topic, isSelected)
      return isSelected
    }
  }

  #lossOf(selectors: readonly string[], slice: Slice): Loss | undefined {
    const { topics, floor } = this.#store
    const patterns = selectors.filter(isPattern)
    const found: Loss[] = selectors
      .filter((selector) => !isPattern(selector))
      .map((name) => topics.get(name)?.loss ?? floor)
    if (patterns.length > 0) {
      const loss = this.#patternLosses.of(patterns, new Selection(patterns), slice)
      if (loss === undefined) return undefined
      found.push(loss, floor)
    }
    return {
      lostThrough: Math.max(...found.map(({ lostThrough }) => lostThrough)),
      losses: Math.max(...found.map(({ losses }) => losses)),
    }
  }
}
