import { topicQuery } from '../../src/index.ts'
import type { HttpAbility, HttpPaths } from '../../src/index.ts'

/** What an application can be tested for that serves streams, history and publishes at paths of its own. */
export const APP_ABILITIES: readonly HttpAbility[] = [
  'publish',
  'history',
  'origins',
  'http1',
  'count',
  'interrupt',
  'drain',
]

/** The same in another process, whose log cannot be disturbed. */
export const RUNTIME_ABILITIES: readonly HttpAbility[] = APP_ABILITIES.filter(
  (ability) => ability !== 'interrupt',
)

/** The paths of all applications here. */
export const APP_PATHS: HttpPaths = {
  stream: (topics, query) => `/events?${topicQuery(topics, query)}`,
  history: (topics, query) => `/history?${topicQuery(topics, query)}`,
  publish: (topic) => `/publish?topic=${encodeURIComponent(topic)}`,
}

/** The names and patterns in the query of a request. A real application would choose them by who asks. */
export function chosen(target: string): { readonly topics: string[]; readonly patterns: string[] } {
  const selectors = new URL(target, 'http://localhost').searchParams.getAll('topic')
  const isPattern = (selector: string): boolean => selector.includes('*')
  return { topics: selectors.filter((one) => !isPattern(one)), patterns: selectors.filter(isPattern) }
}

/** The one topic in the query of a publish. */
export function chosenTopic(target: string): string {
  return new URL(target, 'http://localhost').searchParams.get('topic') ?? ''
}
