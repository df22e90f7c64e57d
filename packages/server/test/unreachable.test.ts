import { createMemoryEngine, LogError } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { createScriptedLog, openStream } from '@tailrace/testkit'
import type { ScriptedLog } from '@tailrace/testkit'
import { beforeEach, expect, test } from 'vitest'
import { bearer, ticketOf, tokenOf } from './auth/tokens.ts'
import { startNode } from './support/node.ts'

const LOST = new LogError('unreachable', 'connect ECONNREFUSED 10.0.0.7:6379')

let engine: ReturnType<typeof createMemoryEngine>
let scripted: ScriptedLog
let other: CompleteEventLog
let headers: Record<string, string>

beforeEach(async () => {
  engine = createMemoryEngine()
  scripted = createScriptedLog(engine.open())
  other = engine.open()
  headers = bearer(await tokenOf({ publish: ['**'], subscribe: ['**'], admin: true }))
})

const statusOf = async (url: string, init: RequestInit = {}): Promise<[number, unknown, string | null]> => {
  const response = await fetch(url, init)
  const { code } = (await response.json().catch(() => ({}))) as { code?: unknown }
  return [response.status, code, response.headers.get('retry-after')]
}

test('a hub that starts without its engine turns everyone away until it is there, and then serves them', async () => {
  scripted.interrupt(LOST)
  await using node = await startNode(scripted.log)
  const { url } = node
  expect(await statusOf(`${url}/healthz`)).toEqual([200, undefined, null])
  expect(await statusOf(`${url}/readyz`)).toEqual([503, 'unreachable', '1'])
  const publish = { method: 'POST', body: 'x', headers }
  expect(await statusOf(`${url}/topics/t`, publish)).toEqual([503, 'unreachable', '1'])
  const history = { headers: { ...headers, Accept: 'application/json' } }
  expect(await statusOf(`${url}/topics/t`, history)).toEqual([503, 'unreachable', '1'])
  expect(await statusOf(`${url}/topics`, { headers })).toEqual([503, 'unreachable', '1'])
  const away = await openStream(`${url}/topics/t`, { headers })
  await away.ended
  expect([away.status, away.isComplete()]).toEqual([200, true])
  expect(away.text()).toMatch(/^retry: \d+\n\nevent: tailrace.error\ndata: \{"code":"log-unavailable"\}\n\n$/)

  scripted.resume()
  await expect.poll(() => statusOf(`${url}/readyz`)).toEqual([200, undefined, null])
  const stream = await openStream(`${url}/topics/t`, { headers })
  expect(await statusOf(`${url}/topics/t`, publish)).toEqual([201, undefined, null])
  await stream.waitFor((frames) => frames.some(({ data }) => data === 'x'))
  stream.close()
  expect(node.told).toEqual([LOST.message, 'resumed'])
})

test('it lets nobody in whose rights may have been revoked', async () => {
  const revoked = await tokenOf({ subscribe: ['**'] }, { sub: 'bob', iat: 1_700_000_000 })
  await using first = await startNode(other)
  await fetch(`${first.url}/connections?subject=bob`, { method: 'DELETE', headers })
  scripted.interrupt(LOST)
  await using node = await startNode(scripted.log)
  const read = { headers: { ...bearer(revoked), Accept: 'application/json' } }
  expect(await statusOf(`${node.url}/topics/t`, read)).toEqual([503, 'unreachable', '1'])
  scripted.resume()
  expect(await statusOf(`${node.url}/topics/t`, read)).toEqual([401, 'revoked', null])
})

test('it accepts tickets of other nodes once it can read the secret', async () => {
  await using first = await startNode(other)
  scripted.interrupt(LOST)
  await using node = await startNode(scripted.log)
  const ticket = await ticketOf(first.url, headers['Authorization']!.slice('Bearer '.length), ['t'])
  const early = await openStream(`${node.url}/topics/t?ticket=${ticket}`)
  await early.ended
  expect(early.text()).toContain('log-unavailable')
  scripted.resume()
  await expect.poll(() => statusOf(`${node.url}/readyz`)).toEqual([200, undefined, null])
  const stream = await openStream(`${node.url}/topics/t?ticket=${ticket}`)
  await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  stream.close()
})
