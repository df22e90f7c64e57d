import { HubError } from '@tailrace/hub'
import { LogError } from '@tailrace/log'
import type { Hub } from '@tailrace/hub'
import { chunksOf, skip, toStream, wholeCharacters } from './read.ts'

const DEFAULT_KEY_PREFIX = 'resumable-stream'

export interface CreateResumableStreamContextOptions {
  /**
   * Keeps the program alive until a promise is resolved: `after` of Next, or `ctx.waitUntil`. Null where programs run on
   * after a response.
   */
  readonly waitUntil: ((promise: Promise<unknown>) => void) | null
  /** Where the streams are kept. */
  readonly hub: Hub
  /** How long a stream is kept after its end, in milliseconds. @defaultValue that of `hub.stream`: 24 hours */
  readonly ttlMs?: number | undefined
  /** The first segments of the topics of streams. @defaultValue `resumable-stream` */
  readonly keyPrefix?: string | undefined
}

/** The signal is for what the stream waits for: most streams pass a cancellation on only with their next chunk. */
type MakeStream = (signal: AbortSignal) => ReadableStream<string>

/** The context of the package `resumable-stream`, with the differences that its README lists. */
export interface ResumableStreamContext {
  /**
   * Creates a stream, or resumes the one with this id.
   *
   * @param makeStream - called only if no stream has this id. Its stream is cancelled, and the signal aborted,
   *   when the stream is over without it: by `cancelStream`, for example
   * @param skipCharacters - how many characters to leave out at the beginning, counted like `length`
   * @returns null if the stream is complete, and nothing is left after `skipCharacters`
   */
  readonly resumableStream: (
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ) => Promise<ReadableStream<string> | null>
  /** Resumes a stream: undefined if no stream has this id; otherwise as `resumableStream`. */
  readonly resumeExistingStream: (
    streamId: string,
    skipCharacters?: number,
  ) => Promise<ReadableStream<string> | null | undefined>
  /**
   * Creates a stream.
   *
   * @returns null if there was a stream with this id, and it is over
   * @throws HubError `stream-exists` if there is one that is not over
   */
  readonly createNewResumableStream: (
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ) => Promise<ReadableStream<string> | null>
  /** Null if no stream has this id, true while it is produced, and `DONE` after that. */
  readonly hasExistingStream: (streamId: string) => Promise<null | true | 'DONE'>
  /**
   * Stops a stream, on whichever node it is produced: cancels its source, and aborts the signal of `makeStream`. Its
   * readers receive what has come, and then an error (StreamFailure `cancelled`).
   *
   * @returns false if it was over
   * @throws HubError `unknown-stream` if no stream has this id
   */
  readonly cancelStream: (streamId: string) => Promise<boolean>
}

/** Creates streams that any node of the log can resume, at any character, until their time-to-live is over. */
export function createResumableStreamContext({
  waitUntil,
  hub,
  ttlMs,
  keyPrefix = DEFAULT_KEY_PREFIX,
}: CreateResumableStreamContextOptions): ResumableStreamContext {
  const topicOf = (streamId: string): string => `${keyPrefix}/${segmentOf(streamId)}`

  /** @returns the cursor of the start of the stream; undefined if there is or was a stream on this topic */
  async function produce(topic: string, makeStream: MakeStream): Promise<string | undefined> {
    const writer = hub.stream(topic, { ttlMs })
    let start: string
    try {
      start = await writer.opened
    } catch (error) {
      if (HubError.is(error) && error.code === 'stream-exists') return undefined
      if (LogError.is(error) && error.code === 'topic-ended') return undefined
      throw error
    }
    let source: ReadableStream<string>
    try {
      source = makeStream(writer.signal)
    } catch (error) {
      await writer.fail(error)
      throw error
    }
    const produced = writer.pipe(source.pipeThrough(wholeCharacters())).catch(() => undefined)
    waitUntil?.(produced)
    return start
  }

  async function resume(
    topic: string,
    skipCharacters = 0,
  ): Promise<ReadableStream<string> | null | undefined> {
    const found = await hub.findStream(topic)
    if (found === undefined) return undefined
    const chunks = skip(chunksOf(hub, topic, found.start), skipCharacters)
    if (found.state !== 'done') return toStream(chunks)
    const first = await chunks.next()
    return first.done === true ? null : toStream(chunks, first.value)
  }

  return {
    async resumableStream(streamId, makeStream, skipCharacters = 0) {
      const topic = topicOf(streamId)
      const start = await produce(topic, makeStream)
      if (start !== undefined) return toStream(skip(chunksOf(hub, topic, start), skipCharacters))
      return (await resume(topic, skipCharacters)) ?? null
    },

    resumeExistingStream: (streamId, skipCharacters) => resume(topicOf(streamId), skipCharacters),

    async createNewResumableStream(streamId, makeStream, skipCharacters = 0) {
      const topic = topicOf(streamId)
      const start = await produce(topic, makeStream)
      if (start !== undefined) return toStream(skip(chunksOf(hub, topic, start), skipCharacters))
      if ((await hub.findStream(topic))?.state !== 'open') return null
      throw new HubError('stream-exists', `There is a stream with the id ${streamId}: resume it.`)
    },

    async hasExistingStream(streamId) {
      const found = await hub.findStream(topicOf(streamId))
      if (found === undefined) return null
      return found.state === 'open' ? true : 'DONE'
    },

    cancelStream: (streamId) => hub.cancelStream(topicOf(streamId)),
  }
}

/** Any text as one segment of a topic. */
function segmentOf(streamId: string): string {
  return encodeURIComponent(streamId.toWellFormed()).replaceAll(/[.*]/g, (one) =>
    one === '.' ? '%2E' : '%2A',
  )
}
