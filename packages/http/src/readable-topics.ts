import { isPattern, literalPrefix } from '@tailrace/log'
import type { TopicQuery, TopicSummary } from '@tailrace/log'

/** Names that are looked at for one page, those that may not be read included. */
const MAX_EXAMINED = 1_000
/** Reads of the log for one page: each right may take one, or two. */
const MAX_READS = 50
const LAST_CHARACTER = '\u{10ffff}'

export interface ReadableTopics {
  readonly topics: readonly TopicSummary[]
  /** Where the next page begins, when there may be one: the name of a topic, which need not be readable. */
  readonly next: string | undefined
}

/** Names that a right may select: one, or all that start with a text. */
interface Range {
  readonly prefix: string
  readonly isWhole: boolean
}

/**
 * Lists the topics that somebody may read, in code point order. It walks the names below the literal beginning of each
 * selector and leaves out those that are not readable, so a page may be short, or empty, without being the last.
 *
 * @param selectors - cover every topic that is readable
 */
export async function readableTopics(
  read: (query: TopicQuery) => Promise<readonly TopicSummary[]>,
  selectors: readonly string[],
  isReadable: (topic: string) => boolean | Promise<boolean>,
  { prefix, after, limit }: TopicQuery,
): Promise<ReadableTopics> {
  const topics: TopicSummary[] = []
  let next = after
  let [examined, reads] = [0, 0]
  for (const range of rangesOf(selectors, prefix)) {
    if (isBehind(range, next)) continue
    for (let isDone = false; !isDone;) {
      if (topics.length === limit || examined >= MAX_EXAMINED || reads === MAX_READS) return { topics, next }
      const most = range.isWhole ? 1 : Math.min(limit - topics.length, MAX_EXAMINED - examined)
      const found = await read({ prefix: range.prefix, after: next, limit: most })
      reads += 1
      examined += found.length
      for (const summary of found) if (await isReadable(summary.topic)) topics.push(summary)
      next = found.at(-1)?.topic ?? next
      isDone = range.isWhole || found.length < most
    }
    const end = range.isWhole ? range.prefix : `${range.prefix}${LAST_CHARACTER}`
    if (compare(next, end) < 0) next = end
  }
  return { topics, next: topics.length === limit ? next : undefined }
}

/** Whether every name of a range comes before a place. */
function isBehind({ prefix, isWhole }: Range, place: string): boolean {
  return compare(prefix, place) <= 0 && (isWhole || !place.startsWith(prefix))
}

/** Ranges that have every name that some selectors select and that starts with a text: in order, and apart. */
function rangesOf(selectors: readonly string[], start: string): Range[] {
  const all = selectors.flatMap((selector): Range[] => {
    if (!isPattern(selector)) return [{ prefix: selector, isWhole: true }]
    const parent = literalPrefix(selector)
    if (parent === '') return [{ prefix: '', isWhole: false }]
    const below = { prefix: `${parent}/`, isWhole: false }
    return selector === `${parent}/**` ? [{ prefix: parent, isWhole: true }, below] : [below]
  })
  const ranges: Range[] = []
  for (const { prefix, isWhole } of all.toSorted((a, b) => compare(a.prefix, b.prefix))) {
    const isInside = prefix.startsWith(start)
    if (!isInside && (isWhole || !start.startsWith(prefix))) continue
    const range = { prefix: isInside ? prefix : start, isWhole }
    const last = ranges.at(-1)
    const isKnown =
      last !== undefined &&
      (last.isWhole ? last.prefix === range.prefix && isWhole : range.prefix.startsWith(last.prefix))
    if (!isKnown) ranges.push(range)
  }
  return ranges
}

/** By code point, as the log lists names. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
