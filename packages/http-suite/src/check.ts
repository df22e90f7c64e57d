import { afterAll, beforeAll, describe, test } from 'vitest'
import { Site } from './site.ts'
import { requireComplete } from './subject.ts'
import type { HttpAbility, OpenSubject, SuiteLimits } from './subject.ts'

/** For one test: longer than any wait within it. */
const TIMEOUT_MS = 60_000

/** What became of one test. */
export interface CheckResult {
  /** The clause of spec/protocol.md that it tests, such as `3.6`. */
  readonly clause: string
  readonly behaviour: string
  /** `exempt`: it failed, and that is known. `not-applicable`: it was not run. */
  readonly outcome: 'passed' | 'failed' | 'exempt' | 'not-applicable'
  /** For an exemption, its reason; if it does not apply, the ability that is missing. */
  readonly reason?: string
}

type Body = (site: Site) => Promise<void>

/** Registers a test of a clause. */
export interface Check {
  (clause: string, behaviour: string, body: Body): void
  /** A test for subjects that have all of these abilities. */
  with(needed: HttpAbility | readonly HttpAbility[], clause: string, behaviour: string, body: Body): void
  /** A test for subjects with the ability `limits`, in a group whose tests have subjects of their own. */
  within(limits: SuiteLimits, clause: string, behaviour: string, body: Body): void
}

export interface GroupOptions {
  readonly open: OpenSubject
  readonly abilities: readonly HttpAbility[]
  readonly exemptions: Readonly<Record<string, string>>
  readonly results: CheckResult[]
  /** Each test has its own subject, which it may disturb. */
  readonly isOwn: boolean
}

interface Registered {
  readonly clause: string
  readonly behaviour: string
  readonly body: Body
  readonly limits?: SuiteLimits
}

/**
 * Registers a group of tests, which run concurrently on one subject, unless each has its own.
 *
 * @returns the titles of all of them, including those that do not apply
 */
export function testGroup(
  name: string,
  options: GroupOptions,
  groups: readonly ((check: Check) => void)[],
): readonly string[] {
  const { open, abilities, results, isOwn } = options
  const applicable: Registered[] = []
  const register = (needed: readonly HttpAbility[], one: Registered): void => {
    const { clause, behaviour } = one
    const missing = needed.find((ability) => !abilities.includes(ability))
    if (missing === undefined) applicable.push(one)
    else results.push({ clause, behaviour, outcome: 'not-applicable', reason: missing })
  }
  const check: Check = (clause, behaviour, body) => register([], { clause, behaviour, body })
  check.with = (needed, clause, behaviour, body) => register([needed].flat(), { clause, behaviour, body })
  check.within = (limits, clause, behaviour, body) =>
    register(['limits'], { clause, behaviour, body, limits })
  for (const group of groups) group(check)
  const titles = [...applicable, ...results].map(titleOf)
  // A suite without tests is a failure.
  if (applicable.length === 0) return titles

  let shared: Site | undefined
  const openSite = async (limits: SuiteLimits = {}): Promise<Site> =>
    new Site(requireComplete(await open(limits), abilities), abilities.includes('publish'))

  // oxlint-disable-next-line vitest/valid-title -- the caller's
  describe.concurrent(name, () => {
    if (!isOwn) {
      beforeAll(async () => {
        shared = await openSite()
      }, TIMEOUT_MS)
      afterAll(() => shared?.close(), TIMEOUT_MS)
    }
    for (const one of applicable) {
      // oxlint-disable-next-line vitest/valid-title, vitest/expect-expect -- both are in the clauses
      test(titleOf(one), { timeout: TIMEOUT_MS }, async () => {
        const site = isOwn ? await openSite(one.limits) : shared!
        try {
          await run(one, site, options)
        } finally {
          if (isOwn) await site.close()
        }
      })
    }
  })
  return titles
}

async function run(one: Registered, site: Site, { exemptions, results }: GroupOptions): Promise<void> {
  const { clause, behaviour, body } = one
  const exemption = exemptions[titleOf(one)]
  const failure = await body(site).then(
    () => undefined,
    (error: unknown) => error as Error,
  )
  if (exemption === undefined) {
    results.push({ clause, behaviour, outcome: failure === undefined ? 'passed' : 'failed' })
    if (failure !== undefined) throw failure
  } else if (failure === undefined) {
    throw new Error(`“${titleOf(one)}” holds: remove its exemption`)
  } else {
    results.push({ clause, behaviour, outcome: 'exempt', reason: exemption })
  }
}

function titleOf({ clause, behaviour }: Pick<Registered, 'clause' | 'behaviour'>): string {
  return `${clause} ${behaviour}`
}
