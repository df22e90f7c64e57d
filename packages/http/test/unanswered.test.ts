import { once } from 'node:events'
import { connect } from 'node:http2'
import { createMemoryLog, LogError } from '@tailrace/log'
import { expect, test } from 'vitest'
import { startServing } from './serving.ts'
import type { Serving } from './serving.ts'

/** A hub whose log does not know what became of what it was asked. */
function startInDoubt(): Promise<Serving> {
  const log = createMemoryLog()
  const lost = new LogError('outcome-unknown', 'The writer has died.')
  return startServing({ log: { ...log, append: () => Promise.reject(lost) } })
}

test('a publish that may be stored or not has no answer', async () => {
  await using at = await startInDoubt()
  await expect(fetch(`${at.url}/topics/t`, { method: 'POST', body: 'x' })).rejects.toThrow('fetch failed')
  expect(at.errors).toMatchObject([{ code: 'outcome-unknown' }])
})

test('nor has it over HTTP/2', async () => {
  await using at = await startInDoubt()
  const session = connect(at.url)
  const stream = session.request({ ':method': 'POST', ':path': '/topics/t' })
  let isAnswered = false
  stream.on('response', () => (isAnswered = true))
  stream.end('x')
  const [error] = (await once(stream, 'error')) as [NodeJS.ErrnoException]
  expect([error.code, isAnswered]).toEqual(['ERR_HTTP2_STREAM_ERROR', false])
  session.destroy()
})
