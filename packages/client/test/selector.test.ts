import { expect, test } from 'vitest'
import { selects } from '../src/selector.ts'

test.each([
  ['a', 'a', true],
  ['a', 'a/b', false],
  ['a/*', 'a/b', true],
  ['a/*', 'a', false],
  ['a/*', 'a/b/c', false],
  ['*/b', 'a/b', true],
  ['a/**', 'a', true],
  ['a/**', 'a/b/c', true],
  ['a/**', 'b', false],
  ['**', 'a/b', true],
  ['a/*/**', 'a', false],
  ['a/*/**', 'a/b', true],
])('%s selects %s: %s', (selector, topic, is) => {
  expect(selects(selector, topic)).toBe(is)
})
