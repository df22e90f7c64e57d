import { isTooLong, MAX_LINE_BYTES, skipLine, splitLines, toBatches } from './lines.ts'
import type { Line } from './lines.ts'
import { endPrintOf, printOf } from './print.ts'
import type { Place } from './place.ts'
import type { Source } from './source.ts'

/** Receives what is read. */
export interface Drain {
  /** Resolves when the lines are acknowledged. */
  deliver(lines: readonly Line[], generation: string): Promise<void>
  /** Resolves when the position would survive the death of this process. */
  save(place: Place): Promise<void>
  notice(text: string): void
  readonly signal: AbortSignal
}

/** Where a read ended, and whether the file was replaced or overwritten meanwhile. */
export interface Drained {
  readonly place: Place
  readonly isReplaced: boolean
}

/**
 * Publishes the content of a file after a position: the complete lines, and, if the file `isFinal`, also an
 * incomplete last line.
 */
export async function drain(
  source: Source,
  from: Place,
  isFinal: boolean,
  { deliver, save, notice, signal }: Drain,
): Promise<Drained> {
  let place = from
  for (;;) {
    // Skipping a line of gigabytes takes long, and sends nothing to the hub.
    signal.throwIfAborted()
    const { offset, isSkipping, generation } = place
    const chunk = await source.read(offset)
    if (!(await source.isIntact(place.prints, offset + chunk.length))) return { place, isReplaced: true }
    place = { ...place, file: source.id }

    if (isSkipping || isTooLong(chunk)) {
      if (chunk.length === 0) return { place, isReplaced: false }
      if (!isSkipping)
        notice(`skipping the line at byte ${offset}: it is longer than ${MAX_LINE_BYTES} bytes`)
      const skipped = skipLine(chunk)
      place = { ...place, offset: offset + skipped.length, isSkipping: skipped.isSkipping }
      await save(place)
      continue
    }

    for (const { lines, end } of toBatches(splitLines(chunk, offset, isFinal))) {
      const [first, last] = [lines.at(0), lines.at(-1)]
      if (first !== undefined && last !== undefined) {
        const isFirst = place.prints.length === 1
        const prints = [
          isFirst
            ? printOf(chunk.subarray(first.offset - offset, first.end - offset), first.offset)
            : place.prints[0]!,
          endPrintOf(chunk.subarray(last.offset - offset, last.end - offset), last.offset),
        ]
        // Save which lines the keys belong to before sending them. Otherwise the next run, finding another file with
        // the
        // same inode, could use them for other lines.
        if (isFirst) await save({ ...place, prints })
        await deliver(lines, generation)
        place = { ...place, prints }
      }
      place = { ...place, offset: end }
      await save(place)
    }
    if (place.offset === offset) return { place, isReplaced: false }
  }
}
