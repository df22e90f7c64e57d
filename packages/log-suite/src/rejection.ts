import { LogError, type LogErrorCode } from '@tailrace/log'
import { expect } from 'vitest'

/** The `LogError` with which a call rejects. Fails the test if it resolves, or rejects with anything else. */
export async function rejection(call: Promise<unknown>): Promise<LogError> {
  const error: unknown = await call.then(
    (value) => expect.fail(`resolved with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (!LogError.is(error)) throw error
  return error
}

export async function expectRejection(call: Promise<unknown>, code: LogErrorCode): Promise<LogError> {
  const error = await rejection(call)
  expect(error).toMatchObject({ code })
  return error
}
