import { ClientError } from '@tailrace/client'
import { expect, expectTypeOf, test } from 'vitest'

function refused(): unknown {
  return new ClientError('status', 'refused', { details: { status: 403 }, cause: 'why' })
}

test('the code of an error narrows it to the facts that it has', () => {
  const error = refused()
  if (!(error instanceof ClientError) || error.code !== 'status') throw new Error('not narrowed')
  expectTypeOf(error.status).toEqualTypeOf<number>()
  expect([error.status, error.cause, error.name]).toEqual([403, 'why', 'ClientError'])
})

test('an error of another copy of the package is one as well', () => {
  const other = Object.assign(new Error('x'), { [Symbol.for('@tailrace/client.ClientError')]: true })
  expect([ClientError.is(other), ClientError.is(refused()), ClientError.is(new Error('x'))]).toEqual([
    true,
    true,
    false,
  ])
})
