/** The longest line that is published, in bytes without its line end: the default limit of a hub. */
export const MAX_LINE_BYTES: number = 1024 * 1024

/** Bytes read at once: the longest line with CRLF. This is all that is ever held of a file. */
export const READ_BYTES: number = MAX_LINE_BYTES + 2

/** Maximum events in a batch. */
export const MAX_BATCH_LINES = 500

export interface Line {
  /** Where the line begins, in bytes from the start of the file. */
  readonly offset: number
  /** Where the next line begins. */
  readonly end: number
  /** Without its line end. A view of the data that was read. */
  readonly bytes: Buffer
}

/** Lines to publish, and how far they reach. Empty lines are ignored. */
export interface Batch {
  readonly lines: readonly Line[]
  readonly end: number
}

const LF = 0x0a
const CR = 0x0d

/**
 * The complete lines in data that was read at an offset. A line without its LF is not complete, and is read again
 * when there is more of it. In a file that is no longer written (`isFinal`), it is the last line.
 */
export function* splitLines(chunk: Buffer, offset: number, isFinal: boolean): Generator<Line> {
  let start = 0
  for (let lf = chunk.indexOf(LF); lf !== -1; lf = chunk.indexOf(LF, start)) {
    const end = lf > start && chunk[lf - 1] === CR ? lf - 1 : lf
    yield { offset: offset + start, end: offset + lf + 1, bytes: chunk.subarray(start, end) }
    start = lf + 1
  }
  if (isFinal && start < chunk.length && chunk.length < READ_BYTES) {
    yield { offset: offset + start, end: offset + chunk.length, bytes: chunk.subarray(start) }
  }
}

/** Groups lines in order. The data of a batch is bounded by the size of one read. */
export function* toBatches(lines: Iterable<Line>): Generator<Batch> {
  let batch: Line[] = []
  let end: number | undefined
  for (const line of lines) {
    end = line.end
    if (line.bytes.length > 0) batch.push(line)
    if (batch.length < MAX_BATCH_LINES) continue
    yield { lines: batch, end }
    batch = []
    end = undefined
  }
  if (end !== undefined) yield { lines: batch, end }
}

/** How much of the data belongs to a line that is being skipped, and whether that line continues. */
export function skipLine(chunk: Buffer): { length: number; isSkipping: boolean } {
  const lf = chunk.indexOf(LF)
  return lf === -1 ? { length: chunk.length, isSkipping: true } : { length: lf + 1, isSkipping: false }
}

/** Whether the data is the start of a line that is too long to be published. */
export function isTooLong(chunk: Buffer): boolean {
  return chunk.length === READ_BYTES && !chunk.includes(LF)
}
