/** A repeatable source of randomness: the same seed gives the same sequence on every machine. */
export interface Random {
  /** In `[0, 1)`, so that it can replace `Math.random`. Needs no `this`. */
  next(): number
  /** An integer from `min` to `max`, both included. */
  int(min: number, max: number): number
  pick<Item>(items: readonly Item[]): Item
  /** True with this probability: always for 1, never for 0. */
  chance(probability: number): boolean
}

const RANGE = 2 ** 32

/** mulberry32: 32 bits of state are plenty for a test, and the sequence is easy to reproduce elsewhere. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / RANGE
  }

  function int(min: number, max: number): number {
    if (!(max >= min)) throw new RangeError(`\`max\` must be at least ${min}, got ${max}`)
    return min + Math.floor(next() * (max - min + 1))
  }

  return {
    next,
    int,
    pick(items) {
      if (items.length === 0) throw new RangeError('`items` must not be empty')
      // An in-range index of a possibly sparse array of Item: `undefined` is an Item there too.
      return items[int(0, items.length - 1)] as (typeof items)[number]
    },
    chance: (probability) => next() < probability,
  }
}

/** The seed of this run: that of `TAILRACE_SEED`, to repeat an earlier run, or a new one. Print it when a test fails. */
export function testSeed(): number {
  const given = process.env['TAILRACE_SEED']
  if (given === undefined || given === '') return Math.floor(Math.random() * RANGE)
  const seed = Number(given)
  if (Number.isInteger(seed) && seed >= 0 && seed < RANGE) return seed
  throw new RangeError(`\`TAILRACE_SEED\` must be an integer from 0 to ${RANGE - 1}, got ${given}`)
}
