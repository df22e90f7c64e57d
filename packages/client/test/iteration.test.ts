import { afterEach, expect, test } from 'vitest'
import { subscribe } from '@tailrace/client'
import { startScripted, stream } from './scripted-server.ts'
import type { Script, ScriptedServer } from './scripted-server.ts'

let server: ScriptedServer

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
})

async function start(script: Script): Promise<string> {
  server = await startScripted(script)
  return server.url
}

test('two loops share what comes, and both end', async () => {
  const url = await start((response) =>
    stream(response).end('data: 1\n\ndata: 2\n\nevent: tailrace.end\ndata: {}\n\n'),
  )
  const subscription = subscribe(url)
  const got: string[] = []
  const read = async (): Promise<void> => {
    for await (const item of subscription) got.push(item.kind === 'event' ? item.data : item.kind)
  }
  await Promise.all([read(), read()])
  expect(got).toEqual(['1', '2', 'end'])
})

test('return() of an iterator closes the connection also while next() waits', async () => {
  const left = Promise.withResolvers<void>()
  const url = await start((response) => {
    response.on('close', left.resolve)
    stream(response)
  })
  const iterator = subscribe(url)[Symbol.asyncIterator]()
  const waiting = iterator.next()
  await server.untilRequests(1)
  expect(await iterator.return!()).toEqual({ done: true, value: undefined })
  await left.promise
  expect(await waiting).toEqual({ done: true, value: undefined })
  expect(await iterator.next()).toEqual({ done: true, value: undefined })
})
