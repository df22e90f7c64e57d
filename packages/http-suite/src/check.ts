import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Site } from './site.ts'
import type { HttpAbility, OpenSubject } from './subject.ts'

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
}

export interface CheckOptions {
  readonly open: OpenSubject
  readonly abilities: readonly HttpAbility[]
  readonly exemptions: Readonly<Record<string, string>>
  readonly results: CheckResult[]
  /** Each test has its own subject, which it may disturb. */
  readonly isOwn: boolean
}

/** Registers a group of tests, which run concurrently on one subject, unless each has its own. */
export function testGroup(
  name: string,
  options: CheckOptions,
  groups: readonly ((check: Check) => void)[],
): void {
  const { open, abilities, exemptions, results, isOwn } = options
  const publishesByHttp = abilities.includes('publish')
  let shared: Site | undefined

  async function openSite(): Promise<Site> {
    return new Site(await open(), publishesByHttp)
  }

  function check(clause: string, behaviour: string, body: Body): void {
    const title = `${clause} ${behaviour}`
    const exemption = exemptions[title]
    const record = (outcome: CheckResult['outcome'], reason?: string): void =>
      void results.push({ clause, behaviour, outcome, ...(reason !== undefined && { reason }) })
    // oxlint-disable-next-line vitest/valid-title -- it is in the clauses
    test(title, { timeout: TIMEOUT_MS }, async () => {
      const site = isOwn ? await openSite() : shared!
      try {
        const failure = await body(site).then(
          () => undefined,
          (error: unknown) => error as Error,
        )
        if (exemption !== undefined) {
          expect(failure, `“${title}” holds: it needs no exemption`).toBeDefined()
          record('exempt', exemption)
          return
        }
        record(failure === undefined ? 'passed' : 'failed')
        if (failure !== undefined) throw failure
      } finally {
        if (isOwn) await site.close()
      }
    })
  }

  check.with = (
    needed: HttpAbility | readonly HttpAbility[],
    clause: string,
    behaviour: string,
    body: Body,
  ): void => {
    const missing = [needed].flat().filter((ability) => !abilities.includes(ability))
    if (missing.length === 0) check(clause, behaviour, body)
    else results.push({ clause, behaviour, outcome: 'not-applicable', reason: missing[0]! })
  }

  // oxlint-disable-next-line vitest/valid-title -- the caller's
  describe.concurrent(name, () => {
    if (!isOwn) {
      beforeAll(async () => {
        shared = await openSite()
      }, TIMEOUT_MS)
      afterAll(() => shared?.close(), TIMEOUT_MS)
    }
    for (const group of groups) group(check)
  })
}
