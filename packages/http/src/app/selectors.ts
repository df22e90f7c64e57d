import { isPattern, parseTopic } from '@tailrace/log'
import { HttpError } from '../errors.ts'
import { parseSelectorList } from '../subscription.ts'

/** The topics that an application chose for a request: its authorization. */
export interface Chosen {
  /**
   * Names of topics. A name that contains `*` is refused, so that a name from a request, such as
   * `rooms/${params.room}`, cannot select the rooms of others.
   */
  readonly topics?: readonly string[] | undefined
  /** Patterns, such as `orders/*`. They select every topic that they match, now and later. @defaultValue none */
  readonly patterns?: readonly string[] | undefined
}

/**
 * The selectors that an application chose.
 *
 * @throws HttpError `forbidden` if no topics are given, `too-many-selectors`; LogError `invalid-topic` or `invalid-selector`;
 *   TypeError if they are not lists of strings
 */
export function selectorsOf({ topics = [], patterns = [] }: Chosen): readonly string[] {
  const selectors = [...listOf('topics', topics).map(requireTopic), ...listOf('patterns', patterns)]
  if (selectors.length === 0) throw new HttpError('forbidden', 'You are not allowed anything here.')
  return parseSelectorList(selectors)
}

function listOf(name: string, list: readonly string[]): readonly string[] {
  if (Array.isArray(list) && list.every((one) => typeof one === 'string')) return list
  throw new TypeError(`\`${name}\` must be an array of strings, got ${JSON.stringify(list)}`)
}

/** @throws LogError `invalid-topic`; TypeError if it is not a string */
export function requireTopic(topic: string): string {
  if (typeof topic !== 'string') throw new TypeError(`A topic must be a string, got ${String(topic)}`)
  if (!isPattern(topic)) return parseTopic(topic)
  const flaw = 'contains a *'
  const message = `The topic ${flaw}: if the application means a pattern, it names it in \`patterns\`.`
  throw new HttpError('invalid-topic', message, { details: { flaw } })
}
