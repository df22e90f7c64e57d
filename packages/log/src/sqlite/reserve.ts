import { randomFillSync } from 'node:crypto'
import { appendFileSync, existsSync, statfsSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { LogError } from '../errors.ts'

const MAX_BYTES = 8 * 2 ** 20
/** On a small disk, the part of it that is reserved. */
const SHARE = 1 / 8
/** What is kept of a reserve that is given up, so that the log can be opened again. */
const OPENING_SHARE = 1 / 4
const CHUNK_BYTES = 2 ** 20
/** What a reserve is a multiple of. */
const UNIT_BYTES = 64 * 1024
/** How long after it could not be taken, though there seemed to be room (a quota, say), it is tried again. */
const RETRY_MS = 1_000

/**
 * Space on the disk of a log that publishes cannot use: a file that is shortened when the disk is full, so that
 * retention has the room it needs to give more back. Without it a full disk would be full for ever.
 */
export interface Reserve {
  readonly bytes: number
  readonly isHeld: boolean
  /** There is less room on the disk than what a step of retention may write. */
  readonly isTight: boolean
  /** Takes it, or what is missing of it, if there is room. */
  take(): boolean
  /** @throws LogError `full` when it was given up and cannot be had again yet */
  assertHeld(): void
  /** Gives it up for retention; what it takes to open the log is kept. */
  release(): void
  /** Gives up what is left. */
  releaseAll(): void
}

/** Finds as much of a reserve as was left when the log was last open; nothing is taken yet. */
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
    // As much again is for what is published next, or the disk would be full with the first commit.
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

/** Appends what no file system can compress. */
function fill(path: string, from: number, to: number): void {
  const chunk = randomFillSync(Buffer.alloc(Math.min(CHUNK_BYTES, to - from)))
  for (let size = from; size < to; size += chunk.length) {
    appendFileSync(path, chunk.subarray(0, to - size))
  }
}
