import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { Agent as SecureAgent, request as requestSecurely } from 'node:https'
import { createGunzip } from 'node:zlib'

import { type Frame, parseFrame } from './frame.ts'

/** Characters kept per stream. A test that needs more should count instead of keeping them. */
const MAX_KEPT_CHARS = 64 * 1024 * 1024
const MAX_PRINTED_CHARS = 4 * 1024

/**
 * One GET over its own TCP connection, recorded verbatim and checked strictly, without any of our own code. A stream that
 * comes with gzip is decoded.
 */
export interface StreamReader {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Everything received so far, verbatim. */
  text(): string
  /** All complete frames so far; empty if the response is not an event stream. Throws on bytes that are not a frame. */
  frames(): Frame[]
  /**
   * Resolves with all frames once `isMet` returns `true`. It is called again whenever bytes arrive. If it returns a
   * string, that means "not yet", and explains why in case of a failure. Rejects, with what was received, on a
   * timeout, if the stream ends first, or on bytes that are not a frame.
   */
  waitFor(
    isMet: (frames: readonly Frame[], text: string) => boolean | string,
    timeoutMs?: number,
  ): Promise<Frame[]>
  /** Resolves when the stream is over, however it ended. Never rejects. */
  readonly ended: Promise<void>
  /** Whether the server completed its response, rather than the connection breaking in the middle. */
  isComplete(): boolean
  /** Stops reading, so that the server sees real back-pressure. */
  pause(): void
  resume(): void
  close(): void
}

export interface OpenStreamOptions {
  headers?: Record<string, string> | undefined
  signal?: AbortSignal | undefined
  /** An additional certificate to trust, for a URL with `https:`. */
  ca?: string | undefined
}

export async function openStream(url: string, init: OpenStreamOptions = {}): Promise<StreamReader> {
  // Like a browser: asks for a connection that could be kept, though each reader has its own.
  const isSecure = url.startsWith('https:')
  const agentOptions = { keepAlive: true, maxSockets: 1 }
  const agent = isSecure ? new SecureAgent({ ...agentOptions, ca: init.ca }) : new Agent(agentOptions)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { accept: 'text/event-stream', ...init.headers }
    const send = isSecure ? requestSecurely : request
    send(url, { agent, headers, ...(init.signal && { signal: init.signal }) }, resolve)
      .on('error', reject)
      .end()
  })
  return readStream(response, agent)
}

function readStream(response: IncomingMessage, agent: Agent): StreamReader {
  const isEventStream = response.headers['content-type']?.startsWith('text/event-stream') === true
  // A byte order mark is kept visible: no server of ours may send one.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const frames: Frame[] = []
  const waiters = new Set<() => void>()
  let text = ''
  let rest = ''
  let failure: Error | undefined
  let isOver = false

  function receive(chunk: Buffer): void {
    const piece = decoder.decode(chunk, { stream: true })
    text += piece
    if (text.length > MAX_KEPT_CHARS)
      throw new RangeError(`a reader keeps at most ${MAX_KEPT_CHARS} characters`)
    if (!isEventStream) return
    const blocks = (rest + piece).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) frames.push(parseFrame(block))
  }

  function wake(): void {
    for (const waiter of waiters) waiter()
  }

  function checked(): Frame[] {
    if (failure) throw failure
    return frames
  }

  // Its end is checked as well: a stream that was cut off fails.
  const body = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
  body.on('data', (chunk: Buffer) => {
    try {
      if (!failure) receive(chunk)
    } catch (error) {
      failure = new Error(`not a stream that we may send: ${String(error)}; received ${excerpt(text)}`, {
        cause: error,
      })
      response.destroy()
    }
    wake()
  })
  // A broken connection is a result here, reported by `ended` and `isComplete`.
  response.on('error', () => {})
  response.on('close', () => response.complete || body.destroy())
  body.on('error', () => response.destroy())
  const ended = new Promise<void>((resolve) => {
    body.on('close', () => {
      isOver = true
      agent.destroy()
      wake()
      resolve()
    })
  })

  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: () => text,
    frames: () => checked().slice(),
    waitFor(isMet, timeoutMs = 10_000) {
      return new Promise((resolve, reject) => {
        let answer: boolean | string = false
        const timer = setTimeout(() => fail(`the condition was not met within ${timeoutMs} ms`), timeoutMs)
        waiters.add(look)
        look()

        function look(): void {
          try {
            answer = isMet(checked(), text)
            if (answer === true) settle(() => resolve(frames.slice()))
            else if (isOver) fail('the stream ended before the condition was met')
          } catch (error) {
            settle(() => reject(error))
          }
        }
        function fail(why: string): void {
          const reason = typeof answer === 'string' && answer !== '' ? ` (${answer})` : ''
          settle(() => reject(new Error(`${why}${reason}; received ${excerpt(text)}`)))
        }
        function settle(finish: () => void): void {
          clearTimeout(timer)
          waiters.delete(look)
          finish()
        }
      })
    },
    ended,
    isComplete: () => response.complete && body.errored === null,
    pause: () => void body.pause(),
    resume: () => void body.resume(),
    close: () => void response.destroy(),
  }
}

/** The end of what was received, where the problem is. */
function excerpt(text: string): string {
  if (text.length <= MAX_PRINTED_CHARS) return `${text.length} characters:\n${text}`
  return `${text.length} characters, the last of them:\n…${text.slice(-MAX_PRINTED_CHARS)}`
}
