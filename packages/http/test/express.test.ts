import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { createAppGate, HttpError } from '@tailrace/http'
import { createHandler } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createMemoryLog } from '@tailrace/log'
import { openStream } from '@tailrace/testkit'
import express from 'express'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** Who is a member of which room. */
const database = new DatabaseSync(':memory:')
database.exec(`
  CREATE TABLE members (user TEXT, room TEXT, may_write INTEGER, PRIMARY KEY (user, room)) STRICT;
  INSERT INTO members VALUES ('ann', 'rooms/1', 1), ('ann', 'rooms/2', 0), ('bob', 'rooms/2', 1);
`)
const membership = database.prepare('SELECT may_write FROM members WHERE user = ? AND room = ?')

/** As an application whose database is elsewhere would have it. */
async function memberOf(user: string, room: string): Promise<{ may_write: number } | undefined> {
  await new Promise(setImmediate)
  return membership.get(user, room) as { may_write: number } | undefined
}

const gate = createAppGate({
  authorize(request) {
    const user = request.header('x-session')
    if (user === undefined) throw new HttpError('missing-token', 'Log in first.')
    return {
      subject: user,
      async publish(topic) {
        return (await memberOf(user, topic))?.may_write === 1
      },
      async subscribe(selectors) {
        const found = await Promise.all(selectors.map((selector) => memberOf(user, selector)))
        return found.every((member) => member !== undefined)
      },
    }
  },
})

let hub: Hub
let url: string
let stop: () => void

beforeEach(async () => {
  hub = await createHub({ log: createMemoryLog() })
  const app = express()
  app.use('/hub', createHandler(hub, { gate, onError: console.error }))
  app.use(express.json())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hub`
  stop = () => {
    server.close()
    server.closeAllConnections()
  }
})

afterEach(async () => {
  await hub.close()
  stop()
})

async function statusOf(path: string, session: string | undefined, body?: string): Promise<number> {
  const headers = { Accept: 'application/json', ...(session && { 'X-Session': session }) }
  const init = body === undefined ? { headers } : { headers, method: 'POST', body }
  return (await fetch(`${url}${path}`, init)).status
}

test('an Express application asks its own database who may publish and who may read', async () => {
  expect(await statusOf('/topics/rooms/1', 'ann', 'hi')).toBe(201)
  expect(await statusOf('/topics/rooms/2', 'ann', 'hi')).toBe(403)
  expect(await statusOf('/topics/rooms/2', 'bob', 'hi')).toBe(201)
  expect(await statusOf('/topics/rooms/2', 'ann')).toBe(200)
  expect(await statusOf('/topics/rooms/1', 'bob')).toBe(403)
  // A pattern would select rooms that its database knows nothing of.
  expect(await statusOf('/events?topic=rooms/*', 'ann')).toBe(403)
  expect(await statusOf('/events?topic=rooms/1&topic=rooms/2', 'ann')).toBe(200)
  expect(await statusOf('/topics/rooms/1', undefined)).toBe(401)
})

test('a batch is asked for topic by topic, and stored as a whole or not at all', async () => {
  const headers = { 'X-Session': 'ann', 'Content-Type': 'application/x-ndjson' }
  const lines = ['rooms/1', 'rooms/2'].map((topic) => `${JSON.stringify({ topic, data: 'x' })}\n`)
  const refused = await fetch(`${url}/topics`, { method: 'POST', headers, body: lines.join('') })
  expect(refused.status).toBe(403)
  expect(await hub.topics({ prefix: '', after: '', limit: 10 })).toEqual([])
})

test('streams are opened, and topics listed, by the same answers', async () => {
  await hub.publish(['rooms/1', 'rooms/2', 'rooms/3'].map((topic) => ({ topic, data: topic })))
  const ask = { headers: { 'X-Session': 'bob' } }
  const stream = await openStream(`${url}/topics/rooms/2?from=start`, ask)
  await stream.waitFor((frames) => frames.some(({ data }) => data === 'rooms/2'))
  stream.close()
  const list = await fetch(`${url}/topics`, ask)
  expect(await list.json()).toMatchObject({ topics: [{ topic: 'rooms/2' }] })
})
