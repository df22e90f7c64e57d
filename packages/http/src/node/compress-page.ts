import { pipeline, Readable } from 'node:stream'
import type { Transform } from 'node:stream'
import zlib from 'node:zlib'
import type { PageCoding } from '../compression.ts'

/** How many pages are compressed at a time. More are sent as they are, so that one client cannot occupy all threads. */
const MAX_PAGES = 8
/** How much is handed over at a time. */
const SLICE_BYTES = 64 * 1024
/** How far back a compressed page may refer, as a power of two: enough for JSON, and it bounds the memory. */
const WINDOW_BITS = 18
/** What one compression uses at most, as measured. */
const COMPRESSION_BYTES = 2 * 1024 * 1024

const { constants } = zlib
const zstd = {
  [constants.ZSTD_c_compressionLevel]: 3,
  [constants.ZSTD_c_windowLog]: WINDOW_BITS,
}
const brotli = {
  [constants.BROTLI_PARAM_QUALITY]: 3,
  [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
}

/** Compresses pages on the threads of the runtime, not on its event loop. */
export function pageCodings(): () => readonly PageCoding[] {
  let open = 0

  function coding(name: string, create: () => Transform): PageCoding {
    return {
      name,
      bytes: COMPRESSION_BYTES,
      encode(slices) {
        open += 1
        return closing(compressed(slices, create), () => (open -= 1))
      },
    }
  }

  const all = [
    // Not before Node 22.15.
    ...('createZstdCompress' in zlib
      ? [coding('zstd', () => zlib.createZstdCompress({ params: zstd }))]
      : []),
    coding('br', () => zlib.createBrotliCompress({ params: brotli })),
    coding('gzip', () => zlib.createGzip()),
  ]
  return () => (open < MAX_PAGES ? all : [])
}

/** Calls back once when a generator is over, even if it never began. */
function closing<T>(
  generator: AsyncGenerator<T, void>,
  onOver: () => void,
): Required<AsyncIterator<T, unknown>> {
  let isOver = false

  async function observed(step: Promise<IteratorResult<T, unknown>>): Promise<IteratorResult<T, unknown>> {
    let done: boolean | undefined = true
    try {
      const result = await step
      done = result.done
      return result
    } finally {
      if (done === true && !isOver) {
        isOver = true
        onOver()
      }
    }
  }

  return {
    next: () => observed(generator.next()),
    return: () => observed(generator.return()),
    throw: (error) => observed(generator.throw(error)),
  }
}

async function* compressed(slices: Iterator<string>, create: () => Transform): AsyncGenerator<Buffer, void> {
  // A failure ends the loop.
  const through = pipeline(Readable.from({ [Symbol.iterator]: () => slices }), create(), () => undefined)
  let parts: Buffer[] = []
  let length = 0
  for await (const part of through as AsyncIterable<Buffer>) {
    parts.push(part)
    length += part.length
    if (length < SLICE_BYTES) continue
    yield Buffer.concat(parts)
    parts = []
    length = 0
  }
  yield Buffer.concat(parts)
}
