/** The longest line that is published, in bytes without its line end: what a hub takes by default. */
export const MAX_LINE_BYTES: number = 1024 * 1024

/** What is read at once: the longest line with CRLF. All that is ever held of a file. */
export const READ_BYTES: number = MAX_LINE_BYTES + 2

/** The most events of a batch. */
export const MAX_BATCH_LINES = 500

export interface Line {
  /** Where it begins, in bytes from the start of the file. */
  readonly offset: number
  /** Where the next one begins. */
  readonly end: number
  /** Without its line end; a view of what was read. */
  readonly bytes: Buffer
}

/** Lines to publish, and how far they reach. Empty lines carry nothing: they are passed over. */
export interface Batch {
  readonly lines: readonly Line[]
  readonly end: number
}

const LF = 0x0a
const CR = 0x0d

/**
 * The complete lines of what was read at an offset. One without its LF is not complete, and is read again
 * when there is more of it; in a file that nobody writes any more (`isFinal`) it is the last line.
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

/** Groups lines, in order. The data of a batch is bounded by what is read at once. */
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

/** How much of what was read belongs to a line that is being skipped, and whether that line goes on. */
export function skipLine(chunk: Buffer): { length: number; isSkipping: boolean } {
  const lf = chunk.indexOf(LF)
  return lf === -1 ? { length: chunk.length, isSkipping: true } : { length: lf + 1, isSkipping: false }
}

/** Whether what was read is the start of a line that is too long to be published. */
export function isTooLong(chunk: Buffer): boolean {
  return chunk.length === READ_BYTES && !chunk.includes(LF)
}
