import { testSeed } from '@tailrace/testkit'
import * as fc from 'fast-check'

/** What CI tries, the same every time: what was found once stays found. */
const SAVED_SEED = 20_261_121

const { TAILRACE_FUZZ_RUNS: longRuns, TAILRACE_SEED: seed } = process.env

/** The longest that a property may take. */
export const FUZZ = { timeout: longRuns === undefined ? 60_000 : 24 * 60 * 60_000 }

/**
 * Tries a property so many times. `TAILRACE_FUZZ_RUNS=1000000` makes a long run of it, with another seed each
 * time, which it prints; `TAILRACE_SEED` repeats one. What fails is made small, and says how to repeat it.
 */
export async function fuzz<Case>(property: fc.IRawProperty<Case>, numRuns: number): Promise<void> {
  const chosen = longRuns === undefined && seed === undefined ? SAVED_SEED : testSeed()
  console.log(`seed ${chosen}`)
  await fc.assert(property, { numRuns: longRuns === undefined ? numRuns : Number(longRuns), seed: chosen })
}
