import type { Readable } from 'node:stream'
import { Arrivals } from './arrivals.ts'
import { parseFrame, type Frame } from './frame.ts'
import type { Incoming } from './http/transport.ts'

/** The most that one reader keeps, in characters. */
const MAX_KEPT = 32 * 1024 * 1024
const MAX_SHOWN = 2_000

/** One stream, checked strictly as it arrives. */
export class StreamReader {
  readonly status: number
  readonly headers: Incoming['headers']
  /** All complete frames so far, without the comments between them. */
  readonly frames: Frame[] = []
  /** Comments between frames so far. */
  comments = 0
  readonly #incoming: Incoming
  readonly #arrivals = new Arrivals()
  #text = ''
  #rest = ''
  #failure: Error | undefined
  #isOver = false

  constructor(incoming: Incoming) {
    this.#incoming = incoming
    this.status = incoming.status
    this.headers = incoming.headers
    // A byte order mark is kept, and then refused: nothing may be before the first field.
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const body: Readable = incoming.body
    body.on('data', (chunk: Buffer) => {
      try {
        this.#receive(decoder.decode(chunk, { stream: true }))
      } catch (error) {
        this.#failure ??= error as Error
        this.close()
      }
      this.#arrivals.changed()
    })
    // A connection that breaks is an outcome here.
    body.on('error', () => {})
    body.on('close', () => {
      this.#isOver = true
      this.#arrivals.changed()
    })
  }

  /** Everything received so far. */
  get text(): string {
    return this.#text
  }

  /** The frames that carry events, rather than control events and `retry:`. */
  get events(): Frame[] {
    return this.frames.filter(
      ({ event, data }) => data !== undefined && event?.startsWith('tailrace.') !== true,
    )
  }

  /** The data of these. */
  get data(): (string | undefined)[] {
    return this.events.map(({ data }) => data)
  }

  /** Whether the server ended its response, rather than the connection broke. */
  isComplete(): boolean {
    return this.#incoming.isComplete()
  }

  /** Resolves once it is so; rejects, with what arrived, if the stream is over first, malformed, or silent. */
  async until(isMet: (reader: this) => boolean, what = 'the expected frames'): Promise<this> {
    await this.#arrivals.until(
      () => {
        if (this.#failure !== undefined) return `${this.#failure.message},`
        return isMet(this) || (this.#isOver ? 'the stream ended' : undefined)
      },
      (why) => new Error(`${why} before ${what}; received ${this.#excerpt()}`, { cause: this.#failure }),
    )
    return this
  }

  /** Resolves once the stream is over, however it ended. */
  async end(): Promise<void> {
    await this.until(() => this.#isOver, 'the end of the stream')
  }

  /** Resolves with the first control event of a type. */
  async control(type: string): Promise<Frame> {
    const find = (): Frame | undefined => this.frames.find(({ event }) => event === type)
    await this.until(() => find() !== undefined, type)
    return find()!
  }

  /** Resolves once it is known whether the reader is served, or refused for this reason (3.15). */
  async isTurnedAway(code: string): Promise<boolean> {
    const isDecided = ({ event, id }: Frame): boolean => id !== undefined || event === 'tailrace.error'
    await this.until(({ frames, events }) => events.length > 0 || frames.some(isDecided), 'tailrace.live')
    return this.frames.some(
      ({ event, data }) => event === 'tailrace.error' && data === JSON.stringify({ code }),
    )
  }

  /** Resolves once the replay is complete. */
  async live(): Promise<this> {
    await this.control('tailrace.live')
    return this
  }

  /** Resolves with the data of all events once there are this many. */
  async received(count: number): Promise<(string | undefined)[]> {
    await this.until(({ events }) => events.length >= count, `${count} events`)
    return this.data
  }

  /** Reads no more, so that the server notices real back-pressure. */
  pause(): void {
    this.#incoming.body.pause()
  }

  resume(): void {
    this.#incoming.body.resume()
  }

  close(): void {
    this.#incoming.destroy()
  }

  #receive(piece: string): void {
    this.#text += piece
    if (this.#text.length > MAX_KEPT) throw new RangeError(`more than ${MAX_KEPT} characters`)
    if (this.headers['content-type']?.startsWith('text/event-stream') !== true) return
    this.#rest += piece
    for (;;) {
      // Only between frames: within a frame, a comment is not a field, and is refused.
      if (this.#rest.startsWith(':\n')) {
        this.comments += 1
        this.#rest = this.#rest.slice(2)
        continue
      }
      const end = this.#rest.indexOf('\n\n')
      if (end < 0) return
      this.frames.push(parseFrame(this.#rest.slice(0, end)))
      this.#rest = this.#rest.slice(end + 2)
    }
  }

  #excerpt(): string {
    // What matters comes before the comments of the time that was waited.
    const shown = this.#text.replaceAll(/(?::\n){3,}/g, (all) => `(${all.length / 2} comments)\n`)
    const { length } = shown
    const end = JSON.stringify(shown.slice(-MAX_SHOWN))
    return length > MAX_SHOWN ? `${length} characters, the last of them ${end}` : end
  }
}
