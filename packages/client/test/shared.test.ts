import { expect, test } from 'vitest'
import { join, stateOf } from '../src/shared.ts'
import { startScripted, stream } from './scripted-server.ts'

test('what fails after its last reader has left is not kept for the next one', async () => {
  const answer = Promise.withResolvers<void>()
  await using server = await startScripted((response, _, index) => {
    if (index === 0) void answer.promise.then(() => response.writeHead(403).end())
    else stream(response, 'data: x\n\n')
  })
  const failed = Promise.withResolvers<void>()
  const options = { onerror: () => failed.resolve() }
  const leave = join('key', server.url, options, { options: () => options, notify() {} })
  await server.untilRequests(1)
  leave()
  answer.resolve()
  await failed.promise
  await new Promise(setImmediate)
  const isOpen = Promise.withResolvers<void>()
  const notify = (): void => {
    if (stateOf('key').status === 'open') isOpen.resolve()
  }
  const leaveAgain = join('key', server.url, {}, { options: () => ({}), notify })
  await isOpen.promise
  expect(server.requests).toHaveLength(2)
  leaveAgain()
})
