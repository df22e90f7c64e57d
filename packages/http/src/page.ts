import type { Holding } from './budget.ts'
import { codingFor, withCoding } from './accept-encoding.ts'
import type { PageCoding } from './compression.ts'
import type { Exchange } from './exchange.ts'
import { JSON_HEADERS } from './json.ts'

/** A shorter page is not compressed, in characters: it fits into a packet or two. */
const MIN_COMPRESSED_LENGTH = 1_024

/** A page of JSON, which is generated as fast as its client reads it. */
export interface Page {
  readonly slices: Iterator<string>
  /** Its length in characters, or somewhat less. */
  readonly length: number
  /** The memory that it uses until its client has received it, in bytes. */
  readonly bytes: number
}

/**
 * Answers with a page, compressed if the client accepts that and there is room for it.
 *
 * @param holding - the memory for pages, of which the compression takes its part
 */
export async function answerPage(exchange: Exchange, page: Page, holding?: Holding): Promise<void> {
  const coding = codingOf(exchange, page, holding)
  if (exchange.compression !== undefined) exchange.appendHeader('Vary', 'Accept-Encoding')
  if (coding === undefined) {
    await exchange.answerInSlices(200, JSON_HEADERS, page.slices, page.bytes)
    return
  }
  holding?.add(coding.bytes)
  const headers = withCoding(JSON_HEADERS, coding)
  await exchange.answerInSlices(200, headers, coding.encode(page.slices), page.bytes + coding.bytes)
}

/** Answers with a list that is complete, and short enough to be in memory. */
export async function answerList(exchange: Exchange, list: unknown): Promise<void> {
  const text = `${JSON.stringify(list)}\n`
  await answerPage(exchange, { slices: [text].values(), length: text.length, bytes: text.length })
}

function codingOf(
  exchange: Exchange,
  { length }: Page,
  holding: Holding | undefined,
): PageCoding | undefined {
  const { compression } = exchange
  if (compression === undefined || length < MIN_COMPRESSED_LENGTH) return undefined
  const coding = codingFor(exchange.header('accept-encoding'), compression.pages())
  return coding !== undefined && holding?.hasRoom(coding.bytes) === false ? undefined : coding
}
