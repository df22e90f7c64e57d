import { open, stat } from 'node:fs/promises'
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { idOf } from './file-id.ts'
import type { FileId } from './file-id.ts'
import { FollowError } from './follow-error.ts'
import { READ_BYTES } from './lines.ts'
import { hasPrints, readEnds, readPrint } from './print.ts'
import type { Print } from './print.ts'

/** A file that is being read. It stays readable when it is renamed or removed. */
export interface Source {
  readonly id: FileId
  /** The print of its beginning when it was opened. */
  readonly head: Print
  /** Reads at most {@link READ_BYTES} bytes at a position. The buffer is overwritten by the next read. */
  read(offset: number): Promise<Buffer>
  /**
   * Whether this is still the file with these prints and at least that many bytes. If true after a read, the read
   * was from that file too. Also updates the time of the last write.
   */
  isIntact(prints: readonly Print[], size: number): Promise<boolean>
  /** The prints of its current content, or of its first bytes. */
  ends(size?: number): Promise<readonly Print[]>
  close(): Promise<void>
}

/** Opens a regular file. Undefined if there is none. */
export async function openSource(path: string): Promise<Source | undefined> {
  // Opening a FIFO would wait for its writer.
  if ((await statFile(path)) === undefined) return undefined
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw unreadable(path, error)
  }
  return createSource(handle, idOf(await handle.stat({ bigint: true })), await readPrint(handle, 0))
}

function createSource(handle: FileHandle, opened: FileId, head: Print): Source {
  let buffer: Buffer | undefined
  let id = opened
  return {
    get id() {
      return id
    },
    head,
    async read(offset) {
      buffer ??= Buffer.allocUnsafe(READ_BYTES)
      let length = 0
      while (length < buffer.length) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length, offset + length)
        if (bytesRead === 0) break
        length += bytesRead
      }
      return buffer.subarray(0, length)
    },
    async isIntact(prints, size) {
      const stats = await handle.stat({ bigint: true })
      id = idOf(stats)
      return stats.size >= size && (await hasPrints(handle, prints))
    },
    async ends(size) {
      return readEnds(handle, size ?? (await handle.stat()).size)
    },
    close: () => handle.close(),
  }
}

/** The file at a path. Undefined if there is none. @throws FollowError if it is not a regular file */
export async function statFile(path: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await stat(path, { bigint: true })
    if (stats.isFile()) return stats
  } catch (error) {
    if (isMissing(error)) return undefined
    throw unreadable(path, error)
  }
  throw new FollowError(`${path} is not a file`)
}

function unreadable(path: string, error: unknown): FollowError {
  return new FollowError(`${path} cannot be read: ${(error as Error).message}`, { cause: error })
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
