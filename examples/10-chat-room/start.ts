import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { serve } from '@tailrace/http/node'
import { createHub } from '@tailrace/hub'
import { keepPresence } from './presence.ts'

const MAX_BODY_BYTES = 8_192
/** How often the members who are here are published again. */
const BEAT_MS = Number(process.env['BEAT_MS'] ?? 10_000)

// A topic keeps its last 50 events and, for each key, the newest: the last messages, and everyone who is here.
const hub = await createHub({
  log: process.env['LOG'] ?? `sqlite:${join(import.meta.dirname, 'room.db')}`,
  retention: [{ selector: 'room/*', maxCount: 50 }],
  // Pages are back long before their members are taken for gone.
  retryMs: BEAT_MS / 10,
})
const presence = keepPresence(hub, 'room/members', BEAT_MS)
const page = readFileSync(join(import.meta.dirname, 'index.html'))

async function handle(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
  // Whoever has the cookie is the member: there are no passwords.
  const [, cookie = ''] = /member=([\w-]*)/.exec(request.headers.cookie ?? '') ?? []
  const member = Buffer.from(cookie, 'base64url').toString()
  const length = Number(request.headers['content-length'] ?? (request.method === 'GET' ? 0 : Infinity))
  if (length > MAX_BODY_BYTES) return response.writeHead(413, { Connection: 'close' }).end()
  const body = (await text(request)).trim()

  switch (`${request.method} ${request.url}`) {
    case 'GET /':
      return response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
    case 'POST /join':
      if (!/^[^\p{C}]{1,30}$/u.test(body)) return response.writeHead(400).end()
      return remember(response, body).writeHead(204).end()
  }
  if (member === '') return response.writeHead(401).end()
  switch (`${request.method} ${request.url}`) {
    case 'GET /me':
      return response.end(member)
    case 'GET /room': {
      const leave = await presence.enter(member)
      return serve(hub, request, response, {
        topics: ['room/messages', 'room/members'],
        from: 'start',
      }).finally(leave)
    }
    case 'POST /messages':
      if (body === '') return response.writeHead(400).end()
      await hub.publish('room/messages', {
        type: 'message',
        data: { name: member, text: body, at: Date.now() },
      })
      return response.writeHead(204).end()
    case 'POST /leave':
      await presence.leave(member)
      return remember(response, '').writeHead(204).end()
    default:
      return response.writeHead(404).end()
  }
}

function remember(response: ServerResponse, name: string): ServerResponse {
  const value = Buffer.from(name).toString('base64url')
  return response.setHeader('Set-Cookie', `member=${value}; HttpOnly; SameSite=Strict; Max-Age=86400`)
}

const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => {
    console.error(error)
    response.destroy()
  })
})
server.listen(Number(process.env['PORT'] ?? 4290), '127.0.0.1', () => {
  console.log(`Open http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
