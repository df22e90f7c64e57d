import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

/** Enough of a line, or of the start of a file, to distinguish it from others. More would only cost time. */
const MAX_PRINT_BYTES = 1024

/** A fingerprint of some bytes of a file. */
export interface Print {
  readonly offset: number
  readonly length: number
  readonly sha256: string
}

export function printOf(bytes: Buffer, offset: number): Print {
  const head = bytes.subarray(0, MAX_PRINT_BYTES)
  return { offset, length: head.length, sha256: createHash('sha256').update(head).digest('hex') }
}

/**
 * The print of the end of a line, including its line end: otherwise a line that only begins with these bytes would
 * match.
 */
export function endPrintOf(bytes: Buffer, offset: number): Print {
  const start = Math.max(0, bytes.length - MAX_PRINT_BYTES)
  return printOf(bytes.subarray(start), offset + start)
}

/** The print of the content of a file at a position. */
export async function readPrint(
  handle: FileHandle,
  offset: number,
  length: number = MAX_PRINT_BYTES,
): Promise<Print> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset)
  return printOf(buffer.subarray(0, bytesRead), offset)
}

/** Whether a file still has these bytes at their positions. */
export async function hasPrints(handle: FileHandle, prints: readonly Print[]): Promise<boolean> {
  for (const { offset, length, sha256 } of prints) {
    if ((await readPrint(handle, offset, length)).sha256 !== sha256) return false
  }
  return true
}

/** The prints of both ends of a file. A longer file that matches them begins with this one. */
export async function readEnds(handle: FileHandle, size: number): Promise<readonly Print[]> {
  const end = Math.max(0, size - MAX_PRINT_BYTES)
  return [
    await readPrint(handle, 0, Math.min(size, MAX_PRINT_BYTES)),
    await readPrint(handle, end, size - end),
  ]
}
