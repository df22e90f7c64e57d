import type { FileId } from './file-id.ts'
import type { Print } from './print.ts'

/** How far a file was read. */
export interface Place {
  /** Minted for each file. With the offset of a line, it makes the line's idempotency key. */
  readonly generation: string
  readonly file: FileId
  /**
   * How the file begins, and the last line before the offset: inode numbers are used again, and copytruncate
   * uses the inode itself again. Without the line until the first is about to be published.
   */
  readonly prints: readonly Print[]
  /** Every line before this byte is acknowledged by the hub. */
  readonly offset: number
  /** The offset is inside a line that is too long. */
  readonly isSkipping: boolean
}
