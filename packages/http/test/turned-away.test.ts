import { createMemoryLog } from '@tailrace/log'
import { openStream } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { startServing } from './serving.ts'

test('a log that fails never answers an EventSource with a 5xx: it is told when to come back, and why', async () => {
  const log = createMemoryLog()
  await using serving = await startServing({ log })
  await log.close()
  const stream = await openStream(`${serving.url}/topics/a`)
  await stream.ended
  expect(stream.status).toBe(200)
  expect(stream.isComplete()).toBe(true)
  const [retry, error] = stream.frames()
  expect(Number(retry!.retry)).toBeGreaterThan(0)
  expect(error).toEqual({ event: 'tailrace.error', data: '{"code":"log-unavailable"}' })
  // Whoever runs the hub learns why.
  expect(serving.errors).not.toHaveLength(0)

  const plain = await fetch(`${serving.url}/topics/a`)
  expect(plain.status).toBe(503)
  expect(plain.headers.get('retry-after')).toBe('1')
})

test('a publish that says something in its query is refused, since it would be lost', async () => {
  await using serving = await startServing()
  const response = await fetch(`${serving.url}/topics/a?key=k`, { method: 'POST', body: 'x' })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ code: 'invalid-query', parameter: 'key' })
})
