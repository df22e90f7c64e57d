// Not by name, because Node before 20.15 has no `crc32`, and could not load the module.
import zlib from 'node:zlib'

/** Maximum size of a stored block (RFC 1951, section 3.2.4). */
const MAX_STORED_BYTES = 0xffff
const STORED_HEAD_BYTES = 5
/** Fewer bytes are stored: a compressed block ends with five bytes that flush it. */
const MIN_DEFLATED_BYTES = 32
const MIN_CHUNK_BYTES = 1024
/** Less memory than the default, which costs more to clear than it saves with so few bytes. */
const OPTIONS = { finishFlush: zlib.constants.Z_SYNC_FLUSH, memLevel: 5 }

/** The head of a gzip stream: deflate, no name, no time, and no operating system in particular (RFC 1952, section 2.3). */
export const HEAD: Uint8Array = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])

/** Bytes as they are, in blocks of deflate. */
export function stored(bytes: Uint8Array): Buffer {
  const blocks = Math.ceil(bytes.length / MAX_STORED_BYTES)
  const out = Buffer.allocUnsafe(bytes.length + blocks * STORED_HEAD_BYTES)
  let end = 0
  for (let at = 0; at < bytes.length; at += MAX_STORED_BYTES) {
    const part = bytes.subarray(at, at + MAX_STORED_BYTES)
    end = out.writeUInt8(0, end)
    end = out.writeUInt16LE(part.length, end)
    end = out.writeUInt16LE(part.length ^ 0xffff, end)
    out.set(part, end)
    end += part.length
  }
  return out
}

/**
 * Compressed bytes, in blocks of deflate that end at a byte.
 *
 * @param before - the end of what every reader of these blocks has already received
 */
export function deflated(bytes: Uint8Array, before: Uint8Array): Buffer {
  if (bytes.length < MIN_DEFLATED_BYTES) return stored(bytes)
  const dictionary = before.length === 0 ? {} : { dictionary: before }
  const chunkSize = Math.max(MIN_CHUNK_BYTES, bytes.length)
  const blocks = zlib.deflateRawSync(bytes, { ...OPTIONS, chunkSize, ...dictionary })
  return blocks.length < bytes.length + STORED_HEAD_BYTES ? blocks : stored(bytes)
}

/** The end of a gzip stream: an empty last block, and what lets its reader check that nothing is missing. */
export function tail(crc: number, length: number): Buffer {
  const out = Buffer.alloc(10)
  out.writeUInt8(3, 0)
  out.writeInt32LE(crc, 2)
  out.writeInt32LE(length, 6)
  return out
}

export function crcOf(bytes: Uint8Array): number {
  return zlib.crc32(bytes) | 0
}
