import { HttpError } from '@tailrace/http'
import { expect, test } from 'vitest'

test('an error of another copy of the package is one, with its code, facts, headers and cause', async () => {
  const path: string = '../src/errors.ts?copy'
  const copy = (await import(path)) as { HttpError: typeof HttpError }
  expect(copy.HttpError).not.toBe(HttpError)
  const cause = new Error('the database is away')
  const init = { cause, details: { limit: 'seats' }, headers: { 'Retry-After': '7' } }
  const error: unknown = new copy.HttpError('busy', 'Come back later.', init)
  expect(HttpError.is(error)).toBe(true)
  expect(error).toMatchObject({ name: 'HttpError', code: 'busy', ...init })
})

test.each([
  undefined,
  null,
  'busy',
  {},
  new Error('busy'),
  Object.assign(new Error('x'), { name: 'HttpError' }),
])('%o is none', (value) => {
  expect(HttpError.is(value)).toBe(false)
})
