import type { Sink, SinkListener } from '@tailrace/hub'

/** A sink whose bytes are read through a web stream. */
export interface WebSink extends Sink {
  /** Its chunks are shared with other readers: they must not be changed. */
  readonly body: ReadableStream<Uint8Array>
}

/**
 * Creates a sink that accepts one payload each time its body is asked for one.
 *
 * @param signal - cuts the stream
 * @param onOver - called when the stream has ended, or its reader is gone
 */
export function createWebSink(signal?: AbortSignal, onOver?: () => void): WebSink {
  let listener: SinkListener | undefined
  let controller: ReadableStreamDefaultController<Uint8Array>
  /** Resolves the pull that waits for bytes. */
  let fulfil: (() => void) | undefined
  let isOver = false

  // A stream of type `bytes` would transfer the buffer, so the other readers could no longer use it.
  const body = new ReadableStream<Uint8Array>(
    {
      start(started) {
        controller = started
      },
      // No other pull starts before this promise resolves, so none starts within a write.
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
    // No payload is requested before the client reads.
    { highWaterMark: 0 },
  )

  function finish(): void {
    isOver = true
    // A signal may live as long as the process.
    signal?.removeEventListener('abort', onAbort)
    settle()
    onOver?.()
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
    finish()
    listener?.closed()
    // Servers abort the signal and cancel the body when a client leaves. An error before the cancel would be one that
    // they report.
    queueMicrotask(() => controller.error(signal!.reason))
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
