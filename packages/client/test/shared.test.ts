import { expect, test } from 'vitest'
import { ClientError } from '@tailrace/client'
import { join, stateOf } from '../src/shared.ts'
import { startScripted, stream } from './scripted-server.ts'

test('what fails after its last reader has left is not kept for the next one', async () => {
  const answer = Promise.withResolvers<void>()
  await using server = await startScripted((response, _, index) => {
    if (index === 0) void answer.promise.then(() => response.writeHead(403).end())
    else stream(response, 'data: x\n\n')
  })
  const failed = Promise.withResolvers<void>()
  const options = { onError: () => failed.resolve() }
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

test('what a callback throws is the cause of a ClientError', async () => {
  await using server = await startScripted((response) => stream(response, 'data: x\n\n'))
  const mine = new Error('mine')
  const options = {
    decode: () => {
      throw mine
    },
    keep: 5,
    onEvent: () => {},
  }
  const hasFailed = Promise.withResolvers<void>()
  const notify = (): void => {
    if (stateOf('thrown').status === 'failed') hasFailed.resolve()
  }
  const leave = join('thrown', server.url, options, { options: () => options, notify })
  await hasFailed.promise
  expect(stateOf('thrown').error).toBeInstanceOf(ClientError)
  expect(stateOf('thrown').error).toMatchObject({ code: 'callback', cause: mine })
  leave()
})

test('what reads two URLs with one token function refreshes it once', async () => {
  await using server = await startScripted((response, { headers }) => {
    if (headers.authorization === 'old') response.writeHead(401).end()
    else stream(response, 'data: x\n\n')
  })
  let token = 'old'
  let refreshes = 0
  const options = {
    async headers(refused: boolean) {
      if (refused) {
        refreshes += 1
        await server.untilRequests(2)
        token = 'new'
      }
      return { authorization: token }
    },
  }
  const leaving = await Promise.all(
    ['one', 'two'].map(async (key) => {
      const isOpen = Promise.withResolvers<void>()
      const notify = (): void => {
        if (stateOf(key).status === 'open') isOpen.resolve()
      }
      const leave = join(key, `${server.url}${key}`, options, { options: () => options, notify })
      await isOpen.promise
      return leave
    }),
  )
  for (const leave of leaving) leave()
  expect(refreshes).toBe(1)
})
