import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { createHub } from '@tailrace/hub'
import type { Hub } from '@tailrace/hub'
import { createEventStore } from '@tailrace/mcp'

// Serves one session of MCP until it is killed. It prints its port, then sends each number that it reads to the client, and
// prints it when it is stored. If it is given a module with `restore`, as in the guide, it continues the session.

type Transport = WebStandardStreamableHTTPServerTransport

const [, , log, port, session, restorer] = process.argv as [string, string, string, string, string, string?]

async function open(hub: Hub): Promise<Transport> {
  if (restorer !== undefined) {
    const { restore } = (await import(restorer)) as { restore(hub: Hub, session: string): Promise<Transport> }
    return restore(hub, session)
  }
  const eventStore = createEventStore(hub, { session })
  const opened = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => session,
    eventStore,
  })
  await new McpServer({ name: 'test', version: '1.0.0' }).connect(opened)
  return opened
}

const transport = await open(await createHub({ log }))

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', headers } = request
  const body = method === 'POST' ? await text(request) : null
  const given = new Request('http://localhost/', { method, headers: headers as Record<string, string>, body })
  const answer = await transport.handleRequest(given)
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).flushHeaders()
  if (answer.body === null) response.end()
  // A client that leaves is no failure.
  else await pipeline(answer.body, response).catch(() => {})
}

const server = createServer((request, response) => void handle(request, response))
server.listen(Number(port), '127.0.0.1')
await once(server, 'listening')
console.log((server.address() as AddressInfo).port)

for await (const number of createInterface({ input: process.stdin })) {
  const params = { level: 'info', data: Number(number) }
  await transport.send({ jsonrpc: '2.0', method: 'notifications/message', params })
  console.log(number)
}
