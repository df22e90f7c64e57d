import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { History } from '@tailrace/hub'
import { SLICE_BYTES } from './json.ts'

/** A page that there is. */
export type HistoryPage = Extract<History, { events: unknown }>

/** Of the data of an event, what is made into JSON at a time. */
const PIECE_LENGTH = 16 * 1024

/**
 * Answers with a page of history, as JSON. Of a page that is larger than a slice, only as much is made into JSON as
 * the client takes: it may be six times as large as its data, and the client may take nothing.
 *
 * @param gone - aborted when nobody is there to take it
 */
export async function sendPage(
  response: ServerResponse,
  page: HistoryPage,
  gone: AbortSignal,
): Promise<void> {
  const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
  const slices = slicesOf(page)
  const first = slices.next().value as string
  const second = slices.next()
  if (second.done === true) {
    response.writeHead(200, { ...headers, 'Content-Length': Buffer.byteLength(first) })
    response.end(response.req.method === 'HEAD' ? undefined : first)
    return
  }
  response.writeHead(200, headers)
  if (response.req.method === 'HEAD') {
    response.end()
    return
  }
  try {
    await write(response, first, gone)
    await write(response, second.value, gone)
    for (const slice of slices) await write(response, slice, gone)
    response.end()
  } catch (error) {
    if (!gone.aborted) throw error
  }
}

/** Others have their turn after each slice: the system may take all of a page at once, and `drain` waits for no turn. */
async function write(response: ServerResponse, text: string, gone: AbortSignal): Promise<void> {
  gone.throwIfAborted()
  if (!response.write(text)) await once(response, 'drain', { signal: gone })
  await nextTurn()
}

/** The JSON of a page, a slice at a time. */
function* slicesOf(page: HistoryPage): Generator<string, undefined> {
  let slice = ''
  for (const piece of piecesOf(page)) {
    slice += piece
    if (slice.length < SLICE_BYTES) continue
    yield slice
    slice = ''
  }
  yield slice
  return undefined
}

function* piecesOf({ events, next }: HistoryPage): Generator<string> {
  yield '{"events":['
  let separator = ''
  for (const { data, ...rest } of events) {
    yield `${separator}${JSON.stringify(rest).slice(0, -1)},"data":"`
    separator = ','
    for (let at = 0; at < data.length; at += PIECE_LENGTH) {
      // Between the halves of a surrogate pair, each is escaped for itself, which is the same text.
      yield JSON.stringify(data.slice(at, at + PIECE_LENGTH)).slice(1, -1)
    }
    yield '"}'
  }
  yield `],"next":${JSON.stringify(next)}}\n`
}
