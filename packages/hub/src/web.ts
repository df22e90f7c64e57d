import type { Hub } from './hub.ts'
import { STREAM_HEADERS } from './node.ts'
import type { Sink, SinkListener } from './sink.ts'
import type { Subscription } from './subscription.ts'

/** A sink whose bytes are read from a web stream. */
export interface WebSink extends Sink {
  /** Its chunks are shared with other readers: they must not be changed. */
  readonly body: ReadableStream<Uint8Array>
}

/**
 * Answers a request with a stream, wherever there are `Request` and `Response`; with 204 when all that is
 * selected has ended and was seen.
 *
 * @param signal cuts the stream; a request's own does so when its reader is gone
 * @throws HubError `closed`
 */
export async function respond(hub: Hub, subscription: Subscription, signal?: AbortSignal): Promise<Response> {
  const sink = createWebSink(signal)
  const outcome = await hub.subscribe(subscription, () => sink)
  if (outcome === 'ended') return new Response(null, { status: 204 })
  return new Response(sink.body, { headers: STREAM_HEADERS })
}

/** Makes a sink that takes one payload for each time that its body is asked for one. */
export function createWebSink(signal?: AbortSignal): WebSink {
  let listener: SinkListener | undefined
  let controller: ReadableStreamDefaultController<Uint8Array>
  /** Fulfils the pull that waits for bytes. */
  let fulfil: (() => void) | undefined
  let isOver = false

  // A stream of type `bytes` would transfer the buffer, and so take it away from the other readers.
  const body = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started
      },
      // Until this resolves there is no other pull, and none within a write.
      pull() {
        return new Promise((resolve) => {
          fulfil = resolve
          listener?.ready()
        })
      },
      cancel() {
        finish()
        listener?.closed()
      },
    },
    // Nothing is asked for before someone reads.
    { highWaterMark: 0 },
  )

  function finish(): void {
    isOver = true
    // A signal may live as long as the process does.
    signal?.removeEventListener('abort', onAbort)
    settle()
  }

  function settle(): void {
    fulfil?.()
    fulfil = undefined
  }

  function fail(reason: unknown): void {
    finish()
    controller.error(reason)
  }

  function onAbort(): void {
    fail(signal!.reason)
    listener?.closed()
  }

  return {
    body,
    get isReady() {
      return fulfil !== undefined
    },
    attach(to) {
      listener = to
      if (signal?.aborted === true) onAbort()
      else signal?.addEventListener('abort', onAbort)
    },
    write({ bytes }) {
      if (isOver) return
      controller.enqueue(bytes)
      settle()
    },
    end() {
      if (isOver) return
      finish()
      controller.close()
    },
    destroy() {
      fail(new DOMException('The stream was cut.', 'AbortError'))
    },
  }
}
