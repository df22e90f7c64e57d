import { createMemoryLog, LogError } from '@tailrace/log'
import { createScriptedLog, openStream } from '@tailrace/testkit'
import { expect, test } from 'vitest'
import { answerOf, refusal } from './problem-shape.ts'
import { startServing } from './serving.ts'

const LOST = new LogError('unreachable', 'connect ECONNREFUSED 10.0.0.7:6379')

const dataOf = (frames: readonly { data?: string }[]): (string | undefined)[] =>
  frames.map(({ data }) => data)

test('over an interruption of the log, readers stay and publishers are told to come back', async () => {
  const scripted = createScriptedLog(createMemoryLog())
  await using serving = await startServing({ log: scripted.log, hub: { heartbeatMs: 50 } })
  const { url } = serving
  const publish = (data: string): Promise<Response> =>
    fetch(`${url}/topics/t`, { method: 'POST', body: data })
  const stream = await openStream(`${url}/topics/t`)
  await publish('before')
  await stream.waitFor((frames) => dataOf(frames).includes('before'))

  scripted.interrupt(LOST)
  const { length } = stream.text()
  await stream.waitFor(() => stream.text().length >= length + 4)
  expect(stream.text().slice(length, length + 4)).toBe(':\n:\n')
  const refused = await publish('during')
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await answerOf(refused)).toEqual(refusal(503, 'unreachable'))
  expect(await answerOf(await fetch(`${url}/readyz`))).toEqual(refusal(503, 'unreachable'))
  const page = await fetch(`${url}/topics/t`, { headers: { Accept: 'application/json' } })
  expect(await answerOf(page)).toEqual(refusal(503, 'unreachable'))
  const newcomer = await openStream(`${url}/topics/another`)
  await newcomer.ended
  expect(newcomer.status).toBe(200)
  expect(newcomer.text()).toMatch(
    /^retry: \d+\n\nevent: tailrace\.error\ndata: \{"code":"log-unavailable"\}\n\n/,
  )

  scripted.resume()
  expect((await publish('after')).status).toBe(201)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  const frames = await stream.waitFor((all) => dataOf(all).includes('after'))
  expect(dataOf(frames.filter(({ id, event }) => id !== undefined && event === undefined))).toEqual([
    'before',
    'after',
  ])
  // Whoever runs the hub hears of it when it begins, from `onInterruption`.
  expect(serving.errors).toEqual([])
  stream.close()
})

test('what a log cannot do is refused as such, and no failure of the hub', async () => {
  const { append, read, tail, describe, ready, close } = createMemoryLog()
  await using serving = await startServing({ log: { append, read, tail, describe, ready, close } })
  const { url } = serving
  const requests: [capability: string, path: string, init?: RequestInit][] = [
    ['topics', '/topics'],
    ['topics', '/topics/t', { method: 'POST', body: 'x', headers: { 'Event-End': 'true' } }],
    ['retention', '/topics/t', { method: 'DELETE' }],
    ['snapshots', '/topics/t?snapshot=true'],
    ['snapshots', '/topics/t?gap=snapshot'],
  ]
  for (const [capability, path, init] of requests) {
    expect(await answerOf(await fetch(`${url}${path}`, init))).toEqual(
      refusal(501, 'unsupported', { capability }),
    )
  }
  expect((await fetch(`${url}/topics/t`, { method: 'POST', body: 'x' })).status).toBe(201)
  expect(serving.errors).toEqual([])
})
