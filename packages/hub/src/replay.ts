import type { Page } from '@tailrace/log'
import { newestOfKeys } from './conflation.ts'
import type { Dialect } from './dialect.ts'
import type { LogView } from './log-view.ts'
import type { Asker } from './read-queue.ts'
import { MAX_HANDED_BYTES } from './sink.ts'
import { RecentRuns, runOf } from './window.ts'
import type { Frame, Place, Run } from './window.ts'

/** Maximum number of events on a page. Together with `MAX_HANDED_BYTES` of data, it bounds the size of a page. */
const MAX_PAGE_EVENTS = 512
/** Number of pages that a lane remembers. Readers that return together are at about the same place. */
const MAX_PAGES = 4
/** How long a page is remembered, in milliseconds: about as long as a storm of reconnecting readers. */
const PAGE_LIFE_MS = 2_000

/** A run of the log as frames, for every reader whose place is within it. */
export class FramePage {
  readonly after: number
  readonly next: number
  readonly more: boolean
  readonly lostThrough: number
  readonly losses: number
  readonly frames: readonly Frame[]
  readonly bytes: number
  readonly #recent = new RecentRuns()

  constructor(after: number, { next, more, lostThrough, losses }: Page, frames: readonly Frame[]) {
    this.after = after
    this.next = next
    this.more = more
    this.lostThrough = lostThrough
    this.losses = losses
    this.frames = frames
    this.bytes = frames.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  /** Whether the bytes that follow a place begin in this page. If a frame was begun, they begin with its rest. */
  covers({ offset, partial }: Place): boolean {
    if (partial !== undefined) return this.frames[this.#indexAfter(offset)]?.offset === partial.offset
    return this.after <= offset && offset < this.next && this.frames.length > 0
  }

  /** The offset of the first frame after an offset. After the last frame, the offset where the next page begins. */
  firstAfter(offset: number): number {
    return this.frames[this.#indexAfter(offset)]?.offset ?? this.next
  }

  /** The place of a reader that was handed everything up to the last frame. */
  isDoneAt({ offset, partial }: Place): boolean {
    return partial === undefined && offset >= (this.frames.at(-1)?.offset ?? 0)
  }

  /**
   * The bytes that follow a place: the same for all readers at it.
   *
   * @param onlyRest only the rest of the frame that was begun
   * @returns undefined if that frame no longer exists
   */
  run(place: Place, onlyRest = false): Run | undefined {
    const known = onlyRest ? undefined : this.#recent.find(place)
    if (known !== undefined) return known
    const index = this.#indexAfter(place.offset)
    const run = runOf(onlyRest ? this.frames.slice(0, index + 1) : this.frames, index, place)
    if (!onlyRest && run !== undefined) this.#recent.keep(place, run)
    return run
  }

  #indexAfter(offset: number): number {
    const index = this.frames.findIndex((frame) => frame.offset > offset)
    return index === -1 ? this.frames.length : index
  }
}

/** A page that is being read, and the clients that wait for it. */
interface Reading {
  readonly page: Promise<FramePage>
  readonly askers: Asker[]
}

/** Reads pages of the log for the readers of a lane. A page that many of them need at once is read and encoded once. */
export class Replay {
  readonly #selectors: readonly string[]
  readonly #dialect: Dialect
  readonly #conflates: boolean
  readonly #epoch: string
  readonly #underWay = new Map<string, Reading>()
  readonly #onHeld: () => void
  #purges = 0
  #recent: { readonly page: FramePage; readonly until: number }[] = []

  /** @param onHeld called when the remembered pages have changed */
  constructor(
    selectors: readonly string[],
    dialect: Dialect,
    conflates: boolean,
    epoch: string,
    onHeld: () => void,
  ) {
    this.#onHeld = onHeld
    this.#selectors = selectors
    this.#dialect = dialect
    this.#conflates = conflates
    this.#epoch = epoch
  }

  get heldBytes(): number {
    return this.#recent.reduce((sum, { page }) => sum + page.bytes, 0)
  }

  /** The page with the bytes that follow a place. It may begin before the place. */
  page(log: LogView, place: Place, asker: Asker): Promise<FramePage> {
    return this.#afterPurges(() => this.#shared(log, place, asker))
  }

  async #shared(log: LogView, place: Place, asker: Asker): Promise<FramePage> {
    const now = performance.now()
    const known = this.#recent.find(({ page, until }) => until > now && page.covers(place))
    if (known !== undefined) return known.page
    const { offset, partial } = place
    // A frame that was begun is read alone. Otherwise, conflation could leave it out.
    const after = partial === undefined ? offset : partial.offset - 1
    const limit = partial === undefined ? MAX_PAGE_EVENTS : 1
    const key = `${after} ${limit}`
    const underWay = this.#underWay.get(key)
    // A read that nobody is waiting for may have been abandoned, although its promise does not show it yet.
    if (underWay?.askers.some(({ isGone }) => !isGone)) {
      underWay.askers.push(asker)
      return underWay.page
    }
    const askers = [asker]
    const reading = { page: this.#read(log, after, limit, askers), askers }
    this.#underWay.set(key, reading)
    try {
      const page = await reading.page
      // Not if it was forgotten meanwhile: it may contain purged events.
      if (this.#underWay.get(key) === reading) this.#remember(page)
      return page
    } finally {
      if (this.#underWay.get(key) === reading) this.#underWay.delete(key)
    }
  }

  /**
   * A page of the newest event of each key, up to an offset. Newer events follow the snapshot as ordinary events. Its
   * frames have no ids, because the reader has not received everything before them.
   */
  snapshot(log: LogView, after: number, through: number, asker: Asker): Promise<FramePage> {
    return this.#afterPurges(async () => {
      const read = await log.snapshot(this.#query(after), asker)
      const page = {
        ...read,
        events: read.events.filter(({ offset }) => offset <= through),
        next: Math.min(read.next, through),
        more: read.more && read.next < through,
      }
      return new FramePage(after, page, this.#encode(page, false))
    })
  }

  forget(): void {
    this.#recent = []
    this.#underWay.clear()
  }

  /** Purged events must not be delivered from memory either. */
  purged(): void {
    this.#purges += 1
    this.forget()
  }

  /** Repeats a read if something was purged during it. */
  async #afterPurges(read: () => Promise<FramePage>): Promise<FramePage> {
    for (;;) {
      const purges = this.#purges
      const page = await read()
      if (purges === this.#purges) return page
    }
  }

  /** Takes the turn of the client that asked first, and continues for as long as any client waits for it. */
  async #read(log: LogView, after: number, limit: number, askers: readonly Asker[]): Promise<FramePage> {
    const asker = {
      client: askers[0]!.client,
      get isGone() {
        return askers.every(({ isGone }) => isGone)
      },
    }
    const read = await log.read({ ...this.#query(after), limit }, asker)
    return new FramePage(after, read, this.#encode(read, true))
  }

  #remember(page: FramePage): void {
    if (page.frames.length === 0) return
    const now = performance.now()
    const alive = this.#recent.filter(({ until }) => until > now)
    this.#recent = [{ page, until: now + PAGE_LIFE_MS }, ...alive].slice(0, MAX_PAGES)
    this.#onHeld()
  }

  #encode({ events }: Page, withId: boolean): Frame[] {
    const due = this.#conflates ? newestOfKeys(events) : events
    return due.map((event) => {
      const { offset } = event
      return {
        offset,
        bytes: this.#dialect.frame(event, withId ? { epoch: this.#epoch, offset } : undefined),
      }
    })
  }

  #query(after: number): Parameters<LogView['read']>[0] {
    return { selectors: this.#selectors, after, limit: MAX_PAGE_EVENTS, maxBytes: MAX_HANDED_BYTES }
  }
}
