import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SignJWT } from 'jose'

// An application of one site whose page reads from a hub of another site. Both have the same secret.
const hub = process.env['HUB'] ?? 'http://127.0.0.1:4242'
const secret = new TextEncoder().encode(
  readFileSync(process.env['SECRET_FILE'] ?? 'tailrace.secret', 'utf8').trim(),
)
const page = readFileSync(join(import.meta.dirname, 'index.html'))

/** The user who is logged in. A real application would read its session. */
const user = 'ann'
/** The topics that the page may read. The hub refuses a ticket for topics that the token does not cover. */
const topics = [`users/${user}/**`]

/** A token for the user. It stays on the server: it can do more than a ticket, and must not appear in a URL. */
function signToken(): Promise<string> {
  return new SignJWT({ tailrace: { subscribe: topics } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt()
    .setExpirationTime('8h')
    .sign(secret)
}

/** The ticket for the URL of the stream: read access to these topics for as long as the token is valid. */
async function getTicket(): Promise<string> {
  const response = await fetch(`${hub}/tickets`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${await signToken()}` },
    body: JSON.stringify({ topics }),
  })
  if (!response.ok) throw new Error(`the hub answered ${response.status}: ${await response.text()}`)
  return ((await response.json()) as { ticket: string }).ticket
}

async function sendStreamUrl(response: ServerResponse): Promise<void> {
  try {
    const ticket = await getTicket()
    const url = `${hub}/events?topic=${encodeURIComponent(topics[0]!)}&envelope=json&ticket=${ticket}`
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    response.end(JSON.stringify({ url }))
  } catch (error) {
    console.error(error)
    response.writeHead(503, { 'Retry-After': '2' }).end()
  }
}

const server = createServer((request, response) => {
  // Keeps the ticket out of the Referer of links and images.
  response.setHeader('Referrer-Policy', 'no-referrer')
  if (request.url === '/stream') void sendStreamUrl(response)
  else if (request.url === '/')
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page)
  else response.writeHead(404).end()
})
server.listen(Number(process.env['PORT'] ?? 4284), 'localhost', () => {
  console.log(`Open http://localhost:${(server.address() as AddressInfo).port}`)
})
