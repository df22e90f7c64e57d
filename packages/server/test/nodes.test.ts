import { createMemoryEngine } from '@tailrace/log'
import type { CompleteEventLog } from '@tailrace/log'
import { createScriptedLog, openStream } from '@tailrace/testkit'
import type { ScriptedLog, StreamReader } from '@tailrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bearer, ticketOf, tokenOf } from './auth/tokens.ts'
import { startNode } from './support/node.ts'
import type { Node } from './support/node.ts'

let logs: [CompleteEventLog, ScriptedLog]
let nodes: [Node, Node]
let admin: Record<string, string>
let adminToken: string

beforeEach(async () => {
  const engine = createMemoryEngine()
  logs = [engine.open(), createScriptedLog(engine.open())]
  const options = { retention: [{ selector: '**', maxCount: 3 }], trimIntervalMs: 20, heartbeatMs: 1_000 }
  nodes = [
    await startNode(logs[0], { ...options, node: 'one' }),
    await startNode(logs[1].log, { ...options, node: 'two' }),
  ]
  adminToken = await tokenOf({ publish: ['**'], subscribe: ['**'], admin: true }, { sub: 'admin' })
  admin = bearer(adminToken)
})

afterEach(async () => {
  for (const node of nodes) await node.stop()
})

async function openLive(url: string, init: { headers?: Record<string, string> } = {}): Promise<StreamReader> {
  const stream = await openStream(url, init)
  await stream.waitFor((frames) => frames.some(({ event }) => event === 'tailrace.live'))
  return stream
}

const errorOf = (stream: StreamReader): unknown => {
  const last = stream.frames().findLast(({ event }) => event === 'tailrace.error')
  return last && (JSON.parse(last.data!) as { code: unknown }).code
}

describe('a revocation on one node', () => {
  const OLD = { iat: 1_700_000_000 }

  test('ends the streams of the subject on the other, which refuses its tokens, and no others', async () => {
    const token = await tokenOf({ subscribe: ['**'] }, { sub: 'bob', ...OLD })
    const ticket = await ticketOf(nodes[0].url, token, ['t'])
    const revoked = [
      await openLive(`${nodes[1].url}/topics/t`, { headers: bearer(token) }),
      await openLive(`${nodes[1].url}/topics/t?ticket=${ticket}`),
    ]
    const kept = await openLive(`${nodes[1].url}/topics/t`, { headers: admin })
    const init = { method: 'DELETE', headers: admin }
    const response = await fetch(`${nodes[0].url}/connections?subject=bob`, init)
    expect(await response.json()).toEqual({ ended: 0 })
    for (const stream of revoked) {
      await stream.ended
      expect(errorOf(stream)).toBe('revoked')
    }
    expect((await fetch(`${nodes[1].url}/topics/t`, { headers: bearer(token) })).status).toBe(401)
    const newer = await tokenOf({ subscribe: ['**'] }, { sub: 'bob', iat: Math.floor(Date.now() / 1000) + 2 })
    const again = await openLive(`${nodes[1].url}/topics/t`, { headers: bearer(newer) })
    await fetch(`${nodes[0].url}/topics/t`, { method: 'POST', body: 'x', headers: admin })
    for (const stream of [kept, again]) {
      await stream.waitFor((frames) => frames.some(({ data }) => data === 'x'))
      stream.close()
    }
  })

  test('of a stream ends the streams of its token on the other, and of its tickets', async () => {
    const token = await tokenOf({ subscribe: ['**'] }, { sub: 'bob', ...OLD })
    const ticket = await ticketOf(nodes[0].url, token, ['t'])
    const here = await openLive(`${nodes[0].url}/topics/t`, { headers: bearer(token) })
    const there = [
      await openLive(`${nodes[1].url}/topics/t`, { headers: bearer(token) }),
      await openLive(`${nodes[1].url}/topics/t?ticket=${ticket}`),
    ]
    const listing = await fetch(`${nodes[0].url}/connections`, { headers: admin })
    const { node, connections } = (await listing.json()) as { node: string; connections: { id: string }[] }
    expect(node).toBe('one')
    await fetch(`${nodes[0].url}/connections/${connections[0]!.id}`, { method: 'DELETE', headers: admin })
    for (const stream of [here, ...there]) {
      await stream.ended
      expect(errorOf(stream)).toBe('revoked')
    }
  })

  test('takes effect on a node that was cut off when it returns', async () => {
    const token = await tokenOf({ subscribe: ['**'] }, { sub: 'bob', ...OLD })
    const stream = await openLive(`${nodes[1].url}/topics/t`, { headers: bearer(token) })
    logs[1].interrupt()
    await fetch(`${nodes[0].url}/connections?subject=bob`, { method: 'DELETE', headers: admin })
    await stream.waitFor((_, text) => text.includes('\n:\n'))
    logs[1].resume()
    await stream.ended
    expect(errorOf(stream)).toBe('revoked')
    expect(nodes[1].told.at(-1)).toBe('resumed')
  })
})

test('a ticket of one node opens streams on every node', async () => {
  const ticket = await ticketOf(nodes[0].url, adminToken, ['t'])
  for (const { url } of nodes) {
    const stream = await openLive(`${url}/topics/t?ticket=${ticket}`)
    expect(stream.status).toBe(200)
    stream.close()
  }
})

test('a publish that is repeated on another node is stored once', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const headers = { ...admin, 'Idempotency-Key': 'order-7' }
      const response = await fetch(`${nodes[i % 2]!.url}/topics/t`, { method: 'POST', body: 'x', headers })
      return (await response.json()) as { id: string; duplicate?: boolean }
    }),
  )
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
  expect(answers.filter(({ duplicate }) => duplicate !== true)).toHaveLength(1)
})

test('retention goes on when one of the nodes is gone, and removes the same on both', async () => {
  const publish = async (url: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1)
      await fetch(`${url}/topics/t`, { method: 'POST', body: `${i}`, headers: admin })
  }
  const countOf = async (url: string): Promise<number> => {
    const response = await fetch(`${url}/topics/t`, { headers: { ...admin, Accept: 'application/json' } })
    return ((await response.json()) as { events: unknown[] }).events.length
  }
  await publish(nodes[0].url, 10)
  for (const { url } of nodes) await expect.poll(() => countOf(url)).toBe(3)
  await nodes[0].stop()
  await publish(nodes[1].url, 5)
  await expect.poll(() => countOf(nodes[1].url)).toBe(3)
})

test('the metrics name the node', async () => {
  const text = await (await fetch(`${nodes[1].url}/metrics`, { headers: admin })).text()
  expect(text).toContain('\ntailrace_node_info{node="two"} 1\n')
})
