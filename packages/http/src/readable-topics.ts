import { isPattern, literalPrefix } from '@tailrace/log'
import type { TopicQuery, TopicSummary } from '@tailrace/log'

/** Maximum names examined for one page, including those that the client may not read. */
const MAX_EXAMINED = 1_000
/** Maximum reads of the log for one page. Each right may need one or two. */
const MAX_READS = 50
const LAST_CHARACTER = '\u{10ffff}'

export interface ReadableTopics {
  readonly topics: readonly TopicSummary[]
  /** Where the next page begins, if there may be one: the name of a topic, which need not be readable. */
  readonly next: string | undefined
}

/** Names that a right may select: either one name, or all names with a prefix. */
interface Range {
  readonly prefix: string
  readonly isWhole: boolean
}

/**
 * Lists the topics that a client may read, in code point order. It walks the names with the literal prefix of each
 * selector and omits those that are not readable. So a page may be short or empty without being the last.
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

/** Whether every name in a range comes before a position. */
function isBehind({ prefix, isWhole }: Range, place: string): boolean {
  return compare(prefix, place) <= 0 && (isWhole || !place.startsWith(prefix))
}

/** Ranges that contain every name with a prefix that some selectors match. They are in order and do not overlap. */
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

/** By code point, the order in which the log lists names. */
function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
