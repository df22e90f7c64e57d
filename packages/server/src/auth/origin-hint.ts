import type { Facts } from '@tailrace/http'
import { isAllowed, isOwnPage } from '@tailrace/http/gate'
import type { OriginRules } from '@tailrace/http/gate'

/** How many origins are named in the life of a hub: anyone may invent more. */
const MAX_HINTS = 10

/**
 * Warns the operator about pages that cannot read here, since a browser explains that only in the page's console. Each
 * origin is named once.
 */
export function createOriginHint(rules: OriginRules, warn: (line: string) => void): (facts: Facts) => void {
  const named = new Set<string>()
  return (facts) => {
    const origin = facts.header('origin')
    if (origin === undefined || named.size >= MAX_HINTS || named.has(origin)) return
    if (
      isAllowed(rules, origin) ||
      isOwnPage(rules, { origin, host: facts.header('host') ?? '', site: undefined })
    )
      return
    // What is no origin did not come from a page that could be allowed.
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) return
    named.add(origin)
    warn(
      `a page of ${origin} sent a request, and its browser does not let it read the answer: --allow-origin ${origin} allows it`,
    )
  }
}
