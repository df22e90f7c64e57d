import type { Facts } from '@tailrace/http'
import { isAllowed, isOwnPage } from '@tailrace/http/gate'
import type { OriginRules } from '@tailrace/http/gate'

/** Maximum number of origins named while a hub runs: anyone can invent more. */
const MAX_HINTS = 10

/**
 * Warns the operator about pages that cannot read from this hub, since browsers explain this only in the page's
 * own console. Names each origin once.
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
    // If it is not an origin, it did not come from a page that could be allowed.
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) return
    named.add(origin)
    warn(
      `a page from ${origin} sent a request, but its browser does not let it read the response: allow it with --allow-origin ${origin}`,
    )
  }
}
