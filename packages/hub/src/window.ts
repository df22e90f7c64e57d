import { Payload } from './payload.ts'
import { MAX_HANDED_BYTES } from './sink.ts'

/** An event as bytes, ready for every reader of a lane. Without bytes, the dialect hides the event. */
export interface Frame {
  readonly offset: number
  readonly bytes: Uint8Array
}

/**
 * Bytes to hand to a sink, and the place of a reader that has been handed them. If all its frames are hidden, there are no
 * bytes: only the reader's place changes.
 */
export class Run extends Payload {
  readonly place: Place
  /** How many frames end in it, without those that are hidden. */
  readonly events: number

  constructor(bytes: Uint8Array, place: Place, events: number) {
    super(bytes, true)
    this.place = place
    this.events = events
  }
}

/** The progress of a reader: whole frames up to an offset, and some bytes of the next one. */
export interface Place {
  readonly offset: number
  /** The frame that was handed over in part, if there is one. */
  readonly partial: { readonly offset: number; readonly sent: number } | undefined
}

/** How many runs are kept that begin within a frame: readers that accept a large one at the same pace share its parts. */
const MAX_PARTS = 16

/** The runs that readers may ask for again, because others are at the same place. */
export class RecentRuns {
  #last: { readonly offset: number; readonly run: Run } | undefined
  /** By the place before them. */
  readonly #parts = new Map<string, Run>()

  find({ offset, partial }: Place): Run | undefined {
    if (partial === undefined) return this.#last?.offset === offset ? this.#last.run : undefined
    return this.#parts.get(`${offset} ${partial.offset} ${partial.sent}`)
  }

  keep({ offset, partial }: Place, run: Run): void {
    if (partial === undefined) {
      this.#last = { offset, run }
      return
    }
    this.#parts.set(`${offset} ${partial.offset} ${partial.sent}`, run)
    if (this.#parts.size > MAX_PARTS) this.#parts.delete(this.#parts.keys().next().value!)
  }

  forget(): void {
    this.#last = undefined
    this.#parts.clear()
  }
}

/**
 * The newest frames of a lane, shared by all of its readers. It holds every frame after `start`; when it is full, the
 * oldest are dropped, and readers that still need them replay from the log.
 */
export class Window {
  readonly #maxBytes: number
  #frames: Frame[] = []
  /** The frames before this index are dropped. The array is cut once that is half of it. */
  #first = 0
  #bytes = 0
  #start: number
  readonly #recent = new RecentRuns()

  constructor(start: number, maxBytes: number) {
    this.#start = start
    this.#maxBytes = maxBytes
  }

  /** Every frame with a larger offset is in the window. */
  get start(): number {
    return this.#start
  }

  /** The largest offset of a frame; `start` if the window is empty. */
  get tip(): number {
    return this.#frames.at(-1)?.offset ?? this.#start
  }

  get heldBytes(): number {
    return this.#bytes
  }

  push(frame: Frame): void {
    // Of hidden frames in a row, only the last one matters. They have no bytes, so nothing else would bound them.
    if (frame.bytes.length === 0 && this.#frames.at(-1)?.bytes.length === 0) this.#frames.pop()
    this.#frames.push(frame)
    this.#bytes += frame.bytes.length
    this.#recent.forget()
    while (this.#bytes > this.#maxBytes && this.#first < this.#frames.length - 1) this.#drop()
  }

  /** Drops every frame. Readers replay those that they still need. */
  clear(start: number): void {
    this.#frames = []
    this.#first = 0
    this.#bytes = 0
    this.#start = start
    this.#recent.forget()
  }

  /**
   * The bytes that follow a place, as many as a sink accepts. Readers at the same place, which on a live lane means all
   * of them, receive the same bytes.
   */
  after(place: Place): Run | undefined {
    const known = this.#recent.find(place)
    if (known !== undefined) return known
    const run = runOf(this.#frames, this.#indexAfter(place.offset), place)
    if (run !== undefined) this.#recent.keep(place, run)
    return run
  }

  #drop(): void {
    const frame = this.#frames[this.#first]!
    this.#bytes -= frame.bytes.length
    this.#start = frame.offset
    this.#first += 1
    if (this.#first * 2 < this.#frames.length) return
    this.#frames = this.#frames.slice(this.#first)
    this.#first = 0
  }

  #indexAfter(offset: number): number {
    let low = this.#first
    let high = this.#frames.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#frames[middle]!.offset > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}

/**
 * Joins frames from an index on into one run for a sink. A frame that was begun is finished first; a frame that does
 * not fit is begun.
 *
 * @returns undefined if the frame that was begun no longer exists: the response cannot be continued
 */
export function runOf(frames: readonly Frame[], index: number, place: Place): Run | undefined {
  const { partial } = place
  if (partial !== undefined && frames[index]?.offset !== partial.offset) return undefined
  let { offset } = place
  let skip = partial?.sent ?? 0
  let room = MAX_HANDED_BYTES
  const parts: Uint8Array[] = []
  for (let i = index; i < frames.length && room > 0; i += 1) {
    const frame = frames[i]!
    const left = frame.bytes.length - skip
    if (left === 0) {
      offset = frame.offset
      continue
    }
    if (left > room) {
      // A frame is begun only if nothing else fits, because a run of whole frames is shared by more readers.
      if (parts.length > 0) break
      const sent = skip + room
      return new Run(frame.bytes.subarray(skip, sent), { offset, partial: { offset: frame.offset, sent } }, 0)
    }
    parts.push(skip === 0 ? frame.bytes : frame.bytes.subarray(skip))
    offset = frame.offset
    room -= left
    skip = 0
  }
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  return new Run(bytes, { offset, partial: undefined }, parts.length)
}
