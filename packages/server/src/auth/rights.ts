import { coveredBy, LogError, parseSelector } from '@tailrace/log'

/** What a client may do. Rights apply to topics: individual events are never checked. */
export interface Rights {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
  readonly isAdmin: boolean
}

export const NO_RIGHTS: Rights = { publish: [], subscribe: [], isAdmin: false }
export const ALL_RIGHTS: Rights = { publish: ['**'], subscribe: ['**'], isAdmin: true }

/** Returns a function that tells whether a topic may be published to. */
export function mayPublish({ publish }: Rights): (topic: string) => boolean {
  return coverageOf(publish)
}

/**
 * Returns a function that tells whether a selector may be subscribed to: a right must cover every topic that it
 * could select.
 */
export function maySubscribe({ subscribe }: Rights): (selector: string) => boolean {
  return coverageOf(subscribe)
}

/** A batch asks for each of its topics, and there may be a thousand rights: they are indexed once. */
const coverages = new WeakMap<readonly string[], (selector: string) => boolean>()

function coverageOf(selectors: readonly string[]): (selector: string) => boolean {
  const known = coverages.get(selectors)
  if (known !== undefined) return known
  const coverage = coveredBy(selectors)
  coverages.set(selectors, coverage)
  return coverage
}

/** Maximum number of selectors in one list of a claim. */
const MAX_SELECTORS = 1_000

/**
 * Reads the claim `tailrace: { publish: [selectors], subscribe: [selectors], admin?: true }`. Nothing is
 * guessed: a claim that is not exactly as specified grants no rights at all.
 *
 * @returns the rights, or a description of the error as the rest of a sentence
 */
export function parseRights(claim: unknown): Rights | string {
  if (claim === undefined) return 'has no `tailrace` claim'
  if (typeof claim !== 'object' || claim === null || Array.isArray(claim))
    return 'has a `tailrace` claim that is not an object'
  const { publish = [], subscribe = [], admin = false } = claim as Record<string, unknown>
  for (const [name, list] of Object.entries({ publish, subscribe })) {
    const flaw = flawOfList(list)
    if (flaw !== undefined) return `has a \`tailrace.${name}\` claim that ${flaw}`
  }
  if (typeof admin !== 'boolean') return 'has a `tailrace.admin` claim that is neither true nor false'
  return { publish: publish as string[], subscribe: subscribe as string[], isAdmin: admin }
}

function flawOfList(list: unknown): string | undefined {
  if (!Array.isArray(list)) return 'is not a list of selectors'
  if (list.length > MAX_SELECTORS) return `has more than ${MAX_SELECTORS} selectors`
  for (const selector of list as unknown[]) {
    if (typeof selector !== 'string') return 'contains a value that is not a string'
    try {
      parseSelector(selector)
    } catch (error) {
      if (LogError.is(error)) return `contains ${JSON.stringify(selector)}, which is not a valid selector`
      throw error
    }
  }
  return undefined
}
