import { afterEach, expect, test, vi } from 'vitest'

import { createRandom, testSeed } from '@tailrace/testkit'

afterEach(() => {
  vi.unstubAllEnvs()
})

function draw(seed: number): number[] {
  const { next } = createRandom(seed)
  return Array.from({ length: 100 }, () => next())
}

test('the same seed gives the same sequence, another seed another', () => {
  expect(draw(7)).toEqual(draw(7))
  expect(draw(7)).not.toEqual(draw(8))
})

test('numbers stay in [0, 1) and spread over it', () => {
  const { next } = createRandom(1)
  const numbers = Array.from({ length: 10_000 }, () => next())
  expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0)
  expect(Math.max(...numbers)).toBeLessThan(1)
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  expect(mean).toBeCloseTo(0.5, 1)
})

test('int reaches both of its ends and nothing else', () => {
  const random = createRandom(2)
  const drawn = new Set(Array.from({ length: 1000 }, () => random.int(-1, 2)))
  expect([...drawn].toSorted((one, other) => one - other)).toEqual([-1, 0, 1, 2])
  expect(() => random.int(2, 1)).toThrow('`max`')
})

test('chance is never for 0 and always for 1; pick needs something to pick', () => {
  const random = createRandom(3)
  for (let round = 0; round < 1000; round++) {
    expect(random.chance(0)).toBe(false)
    expect(random.chance(1)).toBe(true)
  }
  expect(random.pick(['only'])).toBe('only')
  expect(() => random.pick([])).toThrow('`items`')
})

test('TAILRACE_SEED repeats a run, and must be a seed', () => {
  vi.stubEnv('TAILRACE_SEED', '42')
  expect(testSeed()).toBe(42)
  vi.stubEnv('TAILRACE_SEED', 'forty-two')
  expect(() => testSeed()).toThrow('TAILRACE_SEED')
  vi.stubEnv('TAILRACE_SEED', undefined)
  expect(Number.isInteger(testSeed())).toBe(true)
})
