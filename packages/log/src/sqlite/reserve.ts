import { randomFillSync } from 'node:crypto'
import { appendFileSync, existsSync, statfsSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { LogError } from '../errors.ts'

const MAX_BYTES = 8 * 2 ** 20
/** On a small disk, the part of it that is reserved. */
const SHARE = 1 / 8
/** The part of a reserve that is kept when it is given up, so that the log can be opened again. */
const OPENING_SHARE = 1 / 4
const CHUNK_BYTES = 2 ** 20
/** A reserve is a multiple of this. */
const UNIT_BYTES = 64 * 1024
/**
 * How long to wait before trying again, if the reserve could not be taken although there seemed to be room (for
 * example because of a quota).
 */
const RETRY_MS = 1_000

/**
 * Space on the disk of a log that publishes cannot use: a file that is shortened when the disk is full, so that
 * retention has the room it needs to free more. Without it, a full disk would stay full for ever.
 */
export interface Reserve {
  readonly bytes: number
  readonly isHeld: boolean
  /** The disk has less room than a step of retention may write. */
  readonly isTight: boolean
  /** The reserve is held, and the disk has room for twice as much as this besides it. */
  hasRoom(bytes: number): boolean
  /** Takes the reserve, or the missing part of it, if there is room. */
  take(): boolean
  /** @throws LogError `full` if it was given up and cannot be taken again yet */
  assertHeld(): void
  /** Gives the reserve up for retention, except for the part needed to open the log. */
  release(): void
  /** Gives up the rest. */
  releaseAll(): void
}

/** Finds the part of a reserve that was left when the log was last open. Takes nothing yet. */
export function openReserve(path: string, log: string): Reserve {
  const disk = statfsSync(dirname(path))
  const bytes = Math.floor(Math.min(MAX_BYTES, disk.blocks * disk.bsize * SHARE) / UNIT_BYTES) * UNIT_BYTES
  let heldBytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  let failedAt = -Infinity

  function roomBytes(): number {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize
  }

  function take(): boolean {
    if (heldBytes >= bytes) return true
    const now = performance.now()
    // The same amount again is for the next publishes, or the first commit would fill the disk.
    if (now - failedAt < RETRY_MS || roomBytes() < 2 * (bytes - heldBytes)) return false
    try {
      fill(path, heldBytes, bytes)
      heldBytes = bytes
      return true
    } catch {
      failedAt = now
      shorten(heldBytes)
      return false
    }
  }

  function shorten(to: number): void {
    if (!existsSync(path)) return
    heldBytes = Math.min(heldBytes, to)
    truncateSync(path, heldBytes)
  }

  return {
    bytes,
    get isHeld() {
      return heldBytes >= bytes
    },
    get isTight() {
      return heldBytes < bytes && roomBytes() < bytes / 2
    },
    hasRoom: (more) => heldBytes >= bytes && roomBytes() >= 2 * more,
    take,
    assertHeld() {
      if (take()) return
      throw new LogError(
        'full',
        `The disk of the log ${log} is full: free some space, or keep less with --retain. ` +
          `Publishes are accepted again when ${2 * bytes} bytes are free.`,
        { details: { path: log, reserveBytes: bytes } },
      )
    },
    release: () => shorten(Math.floor(bytes * OPENING_SHARE)),
    releaseAll: () => shorten(0),
  }
}

/** Appends data that no file system can compress. */
function fill(path: string, from: number, to: number): void {
  const chunk = randomFillSync(Buffer.alloc(Math.min(CHUNK_BYTES, to - from)))
  for (let size = from; size < to; size += chunk.length) {
    appendFileSync(path, chunk.subarray(0, to - size))
  }
}
