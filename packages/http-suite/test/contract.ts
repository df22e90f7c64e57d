import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { testHttp } from '../src/index.ts'
import type { CheckResult, HttpAbility, OpenSubject } from '../src/index.ts'
import { onNode } from './ways/version.ts'

/** Writes the results of this run, rather than comparing them with those that are published. */
const RECORDS = process.env['TAILRACE_RECORD'] === '1'
const folder = new URL('../results/', import.meta.url)

/** A way of serving. */
export interface Way {
  /** The name of its file of results. */
  readonly id: string
  readonly name: string
  readonly open: OpenSubject
  readonly abilities: readonly HttpAbility[]
  /** Tests that are known to fail, with the reason. */
  readonly exemptions?: Readonly<Record<string, string>>
  /** What it runs on, such as `{ express: '5.3.0' }`. @defaultValue this version of Node */
  readonly versions?: Readonly<Record<string, string>>
}

/** The results of a way of serving, as they are published. */
export interface Published {
  readonly name: string
  readonly versions: Readonly<Record<string, string>>
  /** By clause and behaviour: `passed`, `not applicable: <ability>` or `fails: <reason>`. */
  readonly results: Readonly<Record<string, string>>
}

/** Runs the suite over a way of serving, and compares the results with those that the docs show. */
export function testContract({ id, name, open, abilities, exemptions = {}, versions = onNode() }: Way): void {
  const results = testHttp(name, open, { abilities, exemptions })
  const file = new URL(`${id}.json`, folder)

  test(`${name}: the results are those that the docs show`, () => {
    const found = Object.fromEntries(
      results.map((one) => [`${one.clause} ${one.behaviour}`, textOf(one)]).toSorted(byClause),
    )
    expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([])
    if (RECORDS) {
      const published: Published = { name, versions, results: found }
      mkdirSync(folder, { recursive: true })
      writeFileSync(file, `${JSON.stringify(published, undefined, 2)}\n`)
    }
    expect(existsSync(file), 'run the tests with TAILRACE_RECORD=1, and then npm run docs').toBe(true)
    const { results: published } = JSON.parse(readFileSync(file, 'utf8')) as Published
    expect(found).toEqual(published)
  })
}

function textOf({ outcome, reason }: CheckResult): string {
  if (outcome === 'exempt') return `fails: ${reason}`
  return outcome === 'not-applicable' ? `not applicable: ${reason}` : outcome
}

/** By the numbers of the clauses. */
function byClause([a = '']: readonly string[], [b = '']: readonly string[]): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
