import type { Cursor } from '@tailrace/log'
import { AppSnapshot, SnapshotError } from './app-snapshot.ts'
import type { SnapshotSource } from './app-snapshot.ts'
import { clientOf } from './connection.ts'
import type { Connection, Reader, StreamState } from './connection.ts'
import type { CloseReason } from './counters.ts'
import type { Dialect } from './dialect.ts'
import { HubError } from './errors.ts'
import type { Gap } from './gap.ts'
import type { Lane, LaneMember } from './lane.ts'
import type { LogView } from './log-view.ts'
import { MAX_TIMER_MS } from './options.ts'
import { isUnreachable } from './outage.ts'
import { Payload } from './payload.ts'
import type { Asker } from './read-queue.ts'
import type { FramePage } from './replay.ts'
import type { Sink, SinkListener } from './sink.ts'
import { nextStep } from './step.ts'
import type { Source } from './step.ts'
import type { GapPolicy } from './subscription.ts'
import type { Place } from './window.ts'

/** A cursor that cannot be served. */
export type Miss = Omit<Gap, 'oldest'>

/** Where a subscriber starts. */
export interface Origin {
  readonly source: Source
  readonly offset: number
  /** It asked for everything retained, so it need not learn that older events are gone. */
  readonly fromStart: boolean
  readonly miss: Miss | undefined
  /** What follows a gap. */
  readonly gap: GapPolicy
  /** Computes the snapshot, if the application does. */
  readonly state: SnapshotSource | undefined
  readonly reader: Reader | undefined
}

const START: Place = { offset: 0, partial: undefined }

/**
 * One open reader: a place in the log and a sink. It owns no queue. Frames come from its lane's window, or, while it is
 * behind, from a page of the log. The part of a page that the sink does not accept is dropped and read again.
 */
export class Subscriber implements LaneMember, SinkListener, Asker {
  // The fields that each delivery reads come first, so that they are fetched from memory together.
  #place: Place
  #isDone = false
  #isReading = false
  #isLive = false
  readonly #sink: Sink
  readonly #lane: Lane
  /** It has been served from its place, so a loss that is found now occurred while it was connected. */
  #isUnderWay = false
  /** Something was written since the last heartbeat was due. */
  #isBusy = true
  readonly #log: LogView
  readonly #gapPolicy: GapPolicy
  readonly #fromStart: boolean
  #source: Source
  /**
   * The progress through the pages of a snapshot. Its frames do not move the reader's place, which is the offset of the
   * snapshot.
   */
  #snapshotPlace: Place = START
  readonly #appSnapshot: AppSnapshot | undefined
  #miss: Miss | undefined
  /**
   * `Page.losses` when losses were last reported, or at the first page of a reader that starts with everything
   * retained. Earlier losses need not be reported.
   */
  #toldLosses = -1
  /** It could not read, because the log cannot be reached. It counts as reading until `retry`. */
  #awaitsLog = false
  /** When it was first found to accept nothing. */
  #stalledSince: number | undefined
  #until: number | undefined
  #expiry: ReturnType<typeof setTimeout> | undefined
  /** Stops listening for the end of its rights. */
  #stopListening: (() => void) | undefined
  readonly #id: number
  readonly #since: number = Date.now()
  readonly #reader: Reader | undefined

  constructor(lane: Lane, sink: Sink, origin: Origin, log: LogView) {
    this.#lane = lane
    this.#sink = sink
    this.#log = log
    this.#gapPolicy = origin.gap
    this.#source = origin.source
    this.#place = { offset: origin.offset, partial: undefined }
    this.#miss = origin.miss
    this.#fromStart = origin.fromStart
    if (origin.state !== undefined)
      this.#appSnapshot = new AppSnapshot(origin.state, lane.budget, () => this.#evicted())
    this.#reader = origin.reader
    lane.counters.streams += 1
    this.#id = lane.counters.streams
    lane.members.add(this)
    sink.attach(this)
  }

  /** Does whatever can be done now: called when the sink, the lane or a page is ready. */
  pump(): void {
    const { window } = this.#lane
    while (!this.#isDone && !this.#isReading) {
      const { offset } = this.#place
      // What `nextStep` would return for a live reader, inlined because this is on the path of every delivery. The sink
      // is asked last: it may have left a write to a group, which it must complete in order to answer.
      if (this.#isLive && offset >= window.start && !this.#lane.hasEnded) {
        if (offset >= window.tip || !this.#sink.isReady) return
        this.#send()
      } else if (!this.#sink.isReady || !this.#step()) {
        return
      }
    }
  }

  /** Called by the sink when it has room again. */
  ready(): void {
    this.#stalledSince = undefined
    this.pump()
  }

  /** Called by the hub when it may be possible to reach the log again. */
  retry(): void {
    if (!this.#awaitsLog) return
    this.#awaitsLog = false
    this.#isReading = false
    this.pump()
  }

  /** Called by the sink when its reader is gone. */
  closed(reason: 'client' | 'vanished' | 'stalled' = 'client'): void {
    this.#finish(reason)
  }

  /** @returns whether there may be more to do */
  #step(): boolean {
    const progress = {
      source: this.#source,
      offset: this.#place.offset,
      owesGap: this.#miss !== undefined,
      isLive: this.#isLive,
    }
    switch (nextStep(progress, this.#lane.view)) {
      case 'replay':
        void this.#replay()
        return false
      case 'send':
        this.#send()
        return true
      case 'announce':
        this.#announce()
        return true
      case 'end':
        this.#closeWith('ended', this.#lane.dialect.end(this.#lane.end!.topic, this.#cursor()))
        return false
      default:
        return false
    }
  }

  /** Keeps an idle stream open; a stream that is busy, blocked or within a frame needs no heartbeat. */
  heartbeat(): void {
    const isIdle = !this.#isBusy && !this.#isDone && this.#sink.isReady && !this.#isWithinFrame
    if (isIdle) this.say(this.#lane.dialect.heartbeat)
    this.#isBusy = isIdle
  }

  /** Cuts a reader that accepts nothing. It has no queue here, so it costs only a socket and a place. */
  cutIfStalled(now: number): void {
    if (this.#isDone || this.#sink.isReady) {
      this.#stalledSince = undefined
      return
    }
    this.#stalledSince ??= now
    if (now - this.#stalledSince < this.#lane.stallMs) return
    // It has not accepted everything that was written, but perhaps a part of it: the frame may be large and the network
    // slow.
    if (now - (this.#sink.movedAt?.() ?? 0) < this.#lane.stallMs) return
    this.#finish('stalled')
    this.#sink.destroy()
  }

  /** Writes a message that is not an event, unless the dialect lacks it. */
  say(words: Payload): void {
    this.#write(words)
  }

  /** Ends the stream, with a last message if the reader should know the reason. */
  close(reason: CloseReason, lastWords?: (dialect: Dialect) => Uint8Array): void {
    if (this.#isDone) return
    const { dialect } = this.#lane
    const canTell = this.#sink.isReady && !this.#isWithinFrame
    const words = canTell ? lastWords?.(dialect) : undefined
    // A gap was its own last words.
    if (words !== undefined || reason === 'gap' || dialect.isEndFinal !== true) this.#closeWith(reason, words)
    else {
      this.#finish(reason)
      this.#sink.destroy()
    }
  }

  /** Ends the stream at a time of the wall clock, and sends the reason to the reader. */
  endAt(time: number, reason: 'token-expired' | 'max-age'): void {
    if (this.#isDone) return
    this.#until = time
    const leftMs = time - Date.now()
    if (leftMs <= 0) {
      this.close(reason, (dialect) => dialect.error(reason))
      return
    }
    // Whole seconds first: timers of the same duration share a list, and there may be many.
    const ms = leftMs < 1000 ? leftMs : Math.floor(leftMs / 1000) * 1000
    this.#expiry = setTimeout(() => this.endAt(time, reason), Math.min(ms, MAX_TIMER_MS))
  }

  /** Ends the stream when a signal is aborted, and sends the reason to the reader. */
  endOn(signal: AbortSignal): void {
    if (this.#isDone) return
    const revoke = (): void => this.close('revoked', (dialect) => dialect.error('revoked'))
    // A signal may live as long as the process.
    signal.addEventListener('abort', revoke)
    this.#stopListening = () => signal.removeEventListener('abort', revoke)
    if (signal.aborted) revoke()
  }

  describe(): Connection {
    const behind = Math.max(0, this.#lane.window.tip - this.#place.offset)
    return {
      id: this.#id,
      selectors: this.#lane.selectors,
      state: this.#stateAt(behind),
      behind,
      since: this.#since,
      until: this.#until,
      reader: this.#reader,
    }
  }

  #stateAt(behind: number): StreamState {
    if (!this.#sink.isReady) return this.#stalledSince === undefined ? 'blocked' : 'stalled'
    return this.#isLive && behind === 0 ? 'live' : 'behind'
  }

  #closeWith(reason: CloseReason, lastWords: Uint8Array | undefined): void {
    // Before the write, because a sink may call back from within it.
    this.#finish(reason)
    if (lastWords !== undefined) this.say(new Payload(lastWords))
    this.#sink.end()
    // The end waits behind bytes that the reader does not accept, and no lane checks this stream for a stall any more.
    const cut = (): void => void (this.#sink.isReady || this.#sink.destroy())
    if (!this.#sink.isReady) setTimeout(cut, this.#lane.stallMs).unref()
  }

  get client(): string {
    return clientOf(this.#reader)
  }

  get isGone(): boolean {
    return this.#isDone
  }

  get #isWithinFrame(): boolean {
    return this.#place.partial !== undefined || this.#snapshotPlace.partial !== undefined
  }

  #cursor(): Cursor {
    return { epoch: this.#log.epoch, offset: this.#place.offset }
  }

  /** An empty chunk would end an HTTP/1.1 response. */
  #write(payload: Payload): void {
    if (payload.bytes.length === 0) return
    this.#isBusy = true
    this.#lane.counters.bytesSent += payload.bytes.length
    this.#sink.write(payload)
  }

  #send(): void {
    const { window, counters } = this.#lane
    const run = window.after(this.#place)
    if (run === undefined) {
      // The frame was begun from a page of the log, whose frames may differ from those of the window.
      void this.#replay()
      return
    }
    counters.windowHits += 1
    counters.deliveries += run.events
    this.#isUnderWay = true
    this.#place = run.place
    this.#write(run)
  }

  #announce(): void {
    // At the tip, no frame lies between the reader's place and the head, so the reader can resume from the head.
    this.#moveUpTo(this.#log.head)
    this.#isLive = true
    this.#isUnderWay = true
    this.say(new Payload(this.#lane.dialect.live(this.#cursor(), this.#lane.heartbeatMs)))
  }

  #moveUpTo(head: number): void {
    const offset = Math.max(this.#place.offset, this.#lane.settled(head))
    this.#place = { offset, partial: undefined }
  }

  /** Reads one page, and writes as much of it as the sink accepts. */
  async #replay(): Promise<void> {
    const { replay } = this.#lane
    const isSnapshot = this.#source === 'snapshot' && this.#miss === undefined
    this.#isReading = true
    try {
      const page = await (isSnapshot ? this.#snapshotPage() : replay.page(this.#log, this.#place, this))
      this.#isReading = false
      // A heartbeat may have been written meanwhile. The sink reports when it has room, and the page is read again.
      if (this.#isDone) this.#appSnapshot?.release()
      if (this.#isDone || !this.#sink.isReady) return
      this.#lane.counters.replays += 1
      if (isSnapshot) this.#takeSnapshot(page)
      else this.#takePage(page)
      this.pump()
    } catch (error) {
      if (isUnreachable(error)) {
        this.#awaitsLog = true
        return
      }
      // The log is closed, failed or overloaded. The reader will return, to this node or another.
      this.#isReading = false
      const isBusy = HubError.is(error) && error.code === 'busy'
      if (!(error instanceof SnapshotError)) return this.#turnAway(isBusy ? 'busy' : 'log-unavailable')
      this.#log.report(error.cause)
      this.#turnAway('snapshot-failed')
    }
  }

  #turnAway(code: Parameters<LogView['lastWords']>[1]): void {
    this.close(code, (dialect) => this.#log.lastWords(dialect, code))
  }

  /** The snapshot is as of the reader's place. Later events, including removals of its keys, follow it. */
  #snapshotPage(): Promise<FramePage> {
    const { replay, dialect } = this.#lane
    if (this.#appSnapshot !== undefined) {
      return this.#appSnapshot.page(dialect, () => {
        this.#moveUpTo(this.#log.now)
        return this.#cursor()
      })
    }
    if (this.#snapshotPlace === START) this.#moveUpTo(this.#log.head)
    return replay.snapshot(this.#log, this.#snapshotPlace.offset, this.#place.offset, this)
  }

  #evicted(): void {
    if (!this.#isWithinFrame) return this.#turnAway('busy')
    this.#finish('busy')
    this.#sink.destroy()
  }

  #takePage(page: FramePage): void {
    const { offset, partial } = this.#place
    if (this.#fromStart && !this.#isUnderWay) this.#toldLosses = page.losses
    const isLost = page.lostThrough > offset && page.losses > this.#toldLosses
    if (this.#miss !== undefined || (isLost && partial === undefined)) {
      const from = this.#cursor()
      this.#tellGap(this.#miss ?? { reason: this.#isUnderWay ? 'overflow' : 'expired', from }, page)
      if (this.#isDone || this.#source === 'snapshot' || this.#gapPolicy === 'live' || !this.#sink.isReady)
        return
    }
    this.#isUnderWay = true
    // A gap cannot be reported within a frame. The frame is finished first, and the events after the loss wait for
    // that.
    const isCutShort = isLost && partial !== undefined
    const place = this.#hand(page, this.#place, isCutShort)
    if (place === undefined) return
    const isWhole = !isCutShort && page.isDoneAt(place)
    this.#place = isWhole ? { offset: page.next, partial: undefined } : place
  }

  #takeSnapshot(page: FramePage): void {
    const place = this.#hand(page, this.#snapshotPlace, false)
    if (place === undefined) return
    this.#snapshotPlace = place
    if (page.more || !page.isDoneAt(place)) return
    this.#source = 'log'
    this.#isUnderWay = true
    this.#appSnapshot?.release()
  }

  /** Writes as much of a page as the sink accepts. @returns the place after it */
  #hand(page: FramePage, place: Place, onlyRest: boolean): Place | undefined {
    if (page.isDoneAt(place)) return place
    const run = page.run(place, onlyRest)
    if (run === undefined) {
      // The rest of a frame was trimmed before a slow reader accepted it. The reader discards the incomplete frame, and
      // receives the gap when it returns.
      this.#finish('overrun')
      this.#sink.destroy()
      return undefined
    }
    this.#lane.counters.deliveries += run.events
    this.#write(run)
    return run.place
  }

  #tellGap({ reason, from }: Miss, page: FramePage): void {
    const { offset } = this.#place
    this.#lane.counters.gaps[reason] += 1
    this.#miss = undefined
    this.#toldLosses = page.losses
    this.#isUnderWay = true
    this.#isLive = false
    if (this.#gapPolicy === 'live') this.#moveUpTo(this.#log.now)
    if (this.#gapPolicy === 'snapshot') {
      this.#source = 'snapshot'
      this.#snapshotPlace = START
    }
    const oldest = { epoch: this.#log.epoch, offset: page.firstAfter(offset) }
    this.say(new Payload(this.#lane.dialect.gap({ reason, from, oldest }, this.#cursor())))
    if (this.#gapPolicy === 'close') this.close('gap')
  }

  #finish(reason: CloseReason): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#lane.counters.closes[reason] += 1
    clearTimeout(this.#expiry)
    this.#stopListening?.()
    this.#appSnapshot?.release()
    this.#lane.leave(this)
  }
}
