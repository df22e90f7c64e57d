import { plainDialect } from '@tailrace/http'
import type { ServeStreamOptions } from '@tailrace/http'
import { respondStream } from '@tailrace/http/web'
import { createHub, StreamFailure } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { afterAll, beforeAll, expect, test } from 'vitest'

let hub: Hub

beforeAll(async () => {
  hub = await createHub({ log: 'memory:' })
})

afterAll(() => hub.close())

const plain = plainDialect()

function ask(method: 'GET' | 'POST', options: ServeStreamOptions, lastEventId?: string): Promise<Response> {
  const headers: HeadersInit = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }
  return respondStream(hub, new Request('http://localhost/', { method, headers }), {
    dialect: plain,
    ...options,
  })
}

test('a reader receives id, event and data, and nothing else; after the end, nothing but 204', async () => {
  const options: ServeStreamOptions = {
    topic: 'a',
    async produce(writer) {
      await writer.write('one')
      await writer.write('two', { type: 'delta' })
    },
  }
  const text = await (await ask('POST', options)).text()
  const id = '[a-z0-9]+\\.\\d+'
  // Not even a blank line: some clients take it for an event without data.
  expect(text).toMatch(new RegExp(`^data: one\nid: ${id}\n\nevent: delta\ndata: two\nid: ${id}\n\n$`))
  expect(await (await ask('GET', options)).text()).toBe(text)
  const [first, last] = [...text.matchAll(/^id: (.*)$/gm)].map(([, one]) => one)
  expect(await (await ask('GET', options, first)).text()).toBe(text.slice(text.indexOf('event: delta')))
  expect((await ask('GET', options, last)).status).toBe(204)
})

test('a failure is an event of its own, in the format of the readers if it has one', async () => {
  const produce = (): Promise<void> => Promise.reject(new StreamFailure('upstream-refused', 'No credit.'))
  const byDefault = await (await ask('POST', { topic: 'b', produce })).text()
  expect(byDefault).toMatch(
    /^event: error\ndata: {"code":"upstream-refused","message":"No credit\."}\nid: .*\n\n$/,
  )
  const dialect = plainDialect({
    failure: (code, message) => ({ data: JSON.stringify({ error: { code, message } }) }),
  })
  const own = await (await ask('GET', { topic: 'b', dialect })).text()
  expect(own).toMatch(/^data: {"error":{"code":"upstream-refused","message":"No credit\."}}\nid: .*\n\n$/)
})

test('a stream whose events are missing, or that is interrupted, breaks off with a failure', async () => {
  const options: ServeStreamOptions = {
    topic: 'c',
    produce: (_, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  }
  const posted = await ask('POST', options)
  expect(await (await ask('GET', options, 'nonsense')).text()).toBe(
    'event: error\ndata: {"code":"cursor-gone","message":"Events after the last one that was received are gone."}\n\n',
  )
  const reading = posted.text()
  await new Promise(setImmediate)
  await hub.drain(0)
  expect(await reading).toBe(
    'event: error\ndata: {"code":"draining","message":"The stream was interrupted: resume it later."}\n\n',
  )
  // A reader that cannot be told, because it accepts nothing now, must not take the end for that of the stream.
  const other = await ask('GET', options)
  await hub.drain(0)
  await expect(other.text()).rejects.toThrow('cut')
  await hub.cancelStream('c')
})
