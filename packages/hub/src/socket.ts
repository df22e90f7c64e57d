import type { Socket } from 'node:net'
import { STREAM_HEADERS } from './node.ts'
import type { Sink, SinkListener } from './sink.ts'

/** What a reader may send after its request before it is cut. It has nothing to say; some send a line end. */
const MAX_STRAY_BYTES = 1024
/** How long the network may be silent before the kernel asks whether the reader is still there. */
const KEEP_ALIVE_MS = 30_000

const HEAD = Object.entries({ ...STREAM_HEADERS, Vary: 'Accept', 'Transfer-Encoding': 'chunked' })
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('')
const LAST_CHUNK = Buffer.from('0\r\n\r\n')
const NOTHING = Buffer.alloc(0)

/**
 * Starts a stream on a bare socket whose request was read already: HTTP/1.1, chunked. A reader costs its
 * socket and no more, and a payload is chunked once for all of them.
 */
export function createSocketSink(socket: Socket): Sink {
  let listener: SinkListener | undefined
  let strayBytes = 0
  let isEnded = false

  // Read on, or nobody would learn that the reader is gone.
  socket.on('data', (chunk: Buffer) => {
    strayBytes += chunk.length
    if (strayBytes > MAX_STRAY_BYTES) socket.destroy()
  })
  socket.on('end', () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.on('close', () => listener?.closed())
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  socket.resume()

  function onFlushed(): void {
    if (socket.writableLength === 0 && !isEnded) listener?.ready()
  }

  function write(bytes: Uint8Array): void {
    socket.write(bytes)
    // A callback with each write would cost a tick of its own each time; behind what did not fit into the
    // kernel's buffer, an empty write says when it has left.
    if (socket.writableLength > 0) socket.write(NOTHING, onFlushed)
  }

  socket.write(`HTTP/1.1 200 OK\r\n${HEAD}Date: ${new Date().toUTCString()}\r\n\r\n`)

  return {
    get isReady() {
      return socket.writableLength === 0
    },
    attach(to) {
      listener = to
      if (socket.destroyed) to.closed()
    },
    write({ chunked }) {
      write(chunked)
    },
    end() {
      isEnded = true
      socket.end(LAST_CHUNK)
    },
    destroy() {
      socket.destroy()
    },
  }
}
