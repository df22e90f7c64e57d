import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { httpContract } from '../http-contract.ts'

test('the page of the HTTP contract shows the results of the tests', () => {
  const page = readFileSync(new URL('../../docs/reference/http-contract.md', import.meta.url), 'utf8')
  expect(page, 'run npm run docs').toBe(httpContract())
})
