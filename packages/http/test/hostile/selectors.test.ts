import { coveredBy, matches } from '@tailrace/log'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { maySubscribe, parseRights } from '../../../server/src/auth/rights.ts'
import { fuzz, FUZZ } from './fuzz.ts'

/** `z` is in no selector: it stands for every name that nobody has thought of. */
const NAMES = ['a', 'b', 'z']
/** One segment more than the longest selector has, for those that only `**` reaches. */
const MAX_SEGMENTS = 5

/** Every topic that there is to tell two selectors apart. */
const TOPICS: readonly string[] = (() => {
  let [last, all] = [[''], [] as string[]]
  for (let i = 0; i < MAX_SEGMENTS; i += 1) {
    last = last.flatMap((prefix) => NAMES.map((name) => (prefix === '' ? name : `${prefix}/${name}`)))
    all = [...all, ...last]
  }
  return all
})()

const selector = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '*', '*'), { maxLength: MAX_SEGMENTS - 1 }), fc.boolean())
  .filter(([segments, isOpen]) => isOpen || segments.length > 0)
  .map(([segments, isOpen]) => (isOpen ? [...segments.slice(0, MAX_SEGMENTS - 2), '**'] : segments).join('/'))

const isWithin = (part: Set<string>, whole: Set<string>): boolean => [...part].every((one) => whole.has(one))

/** The definition, on its own: `*` is exactly one segment, a final `**` any number. */
function selects([wanted, ...wantedRest]: string[], [found, ...foundRest]: string[]): boolean {
  if (wanted === '**') return true
  if (wanted === undefined || found === undefined) return wanted === found
  return (wanted === '*' || wanted === found) && selects(wantedRest, foundRest)
}

const selected = (one: string): Set<string> =>
  new Set(TOPICS.filter((topic) => selects(one.split('/'), topic.split('/'))))

test(
  'one selector covers another when it selects all that the other does, topic by topic',
  FUZZ,
  async () => {
    const seen = { true: 0, false: 0 }
    await fuzz(
      fc.property(selector, selector, (wide, narrow) => {
        const isCovered = isWithin(selected(narrow), selected(wide))
        seen[`${isCovered}`] += 1
        expect(coveredBy([wide])(narrow)).toBe(isCovered && !isBlind(wide, narrow))
      }),
      3_000,
    )
    expect(Math.min(seen.true, seen.false)).toBeGreaterThan(300)
  },
)

test('rights give a subscription only what each of its topics is covered for', FUZZ, async () => {
  await fuzz(
    fc.property(fc.array(selector, { maxLength: 3 }), selector, (subscribe, wanted) => {
      const rights = parseRights({ subscribe })
      if (typeof rights === 'string') throw new Error(rights)
      if (!maySubscribe(rights)(wanted)) return
      for (const topic of selected(wanted))
        expect(subscribe.some((right) => matches(right, topic))).toBe(true)
    }),
    3_000,
  )
})

test('a claim that is not to the letter gives no rights, and is no fault', FUZZ, async () => {
  await fuzz(
    fc.property(
      fc.oneof(
        fc.jsonValue(),
        fc.record(
          { publish: fc.jsonValue(), subscribe: fc.jsonValue(), admin: fc.jsonValue() },
          { requiredKeys: [] },
        ),
      ),
      (claim) => {
        const rights = parseRights(claim)
        if (typeof rights === 'string') return
        for (const one of [...rights.publish, ...rights.subscribe]) expect(one).toBeTypeOf('string')
        expect(rights.isAdmin).toBe((claim as { admin?: unknown }).admin === true)
      },
    ),
    5_000,
  )
})

/**
 * A topic has at least one segment, so `**` selects no more than `*` and `**` behind it do; that is not seen.
 * It errs to the side of a refusal.
 */
function isBlind(wide: string, narrow: string): boolean {
  return wide === '*/**' && narrow === '**'
}
