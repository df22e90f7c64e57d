import type { HistoryPage } from '@tailrace/hub'
import { textOf } from './cursor-text.ts'
import { toEnvelope } from './frame.ts'

/** How much of a page is handed over at a time, so that it shows whether the client is still reading. */
export const SLICE_LENGTH: number = 64 * 1024
/** How much of an event's data is converted to JSON at a time. */
const PIECE_LENGTH = 16 * 1024

/**
 * The JSON of a page, slice by slice. It can be six times as large as its data, so it is generated only as fast as the
 * client reads it.
 */
export function* historyJson(page: HistoryPage, traces: boolean): Generator<string, undefined> {
  let slice = ''
  for (const piece of piecesOf(page, traces)) {
    slice += piece
    if (slice.length < SLICE_LENGTH) continue
    yield slice
    slice = ''
  }
  yield slice
  return undefined
}

function* piecesOf({ epoch, events, next }: HistoryPage, traces: boolean): Generator<string> {
  yield '{"events":['
  let separator = ''
  for (const event of events) {
    const { data } = event
    const { data: _, ...rest } = toEnvelope(event, traces)
    const id = textOf({ epoch, offset: event.offset })
    yield `${separator}${JSON.stringify({ id, ...rest }).slice(0, -1)},"data":"`
    separator = ','
    for (let at = 0; at < data.length; at += PIECE_LENGTH) {
      // If a cut separates a surrogate pair, each surrogate is escaped separately, which is the same text.
      yield JSON.stringify(data.slice(at, at + PIECE_LENGTH)).slice(1, -1)
    }
    yield '"}'
  }
  yield `],"next":${JSON.stringify(textOf({ epoch, offset: next }))}}\n`
}
