import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Hub } from '@tailrace/hub'
import { createEventStore } from '@tailrace/mcp'
import type { EventStoreBounds, SessionEventStore } from '@tailrace/mcp'
import { z } from 'zod'

/** A server of MCP whose sessions use event stores on a hub. */
export interface McpHost extends AsyncDisposable {
  readonly port: number
  readonly sessions: ReadonlyMap<string, Session>
}

interface Session {
  readonly server: McpServer
  readonly transport: StreamableHTTPServerTransport
  readonly store: SessionEventStore
}

/** Numbers for the tool `count` to announce, in groups. It waits for each group. */
export type Groups = AsyncIterable<readonly number[]>

export async function startMcp(
  hub: Hub,
  { groups, ...bounds }: EventStoreBounds & { groups?: Groups } = {},
): Promise<McpHost> {
  const sessions = new Map<string, Session>()

  async function open(session: string): Promise<Session> {
    const store = createEventStore(hub, { session, ...bounds })
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => session,
      eventStore: store,
      onsessionclosed: () => store.end(),
    })
    const server = new McpServer({ name: 'test', version: '1.0.0' }, { capabilities: { logging: {} } })
    server.registerTool(
      'count',
      { inputSchema: { last: z.number() } },
      async ({ last }, { sendNotification }) => {
        for await (const group of groups ?? []) {
          for (const data of group)
            await sendNotification({ method: 'notifications/message', params: { level: 'info', data } })
        }
        return { content: [{ type: 'text', text: `counted to ${last}` }] }
      },
    )
    await server.connect(transport)
    const opened = { server, transport, store }
    sessions.set(session, opened)
    return opened
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = request.headers['mcp-session-id']
    const session = given === undefined ? await open(randomUUID()) : sessions.get(String(given))
    if (session === undefined) response.writeHead(404).end()
    else await session.transport.handleRequest(request, response)
  }

  const http = createServer((request, response) => void handle(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address() as AddressInfo

  return {
    port: address.port,
    sessions,
    async [Symbol.asyncDispose]() {
      const closed = once(http, 'close')
      http.close()
      http.closeAllConnections()
      await closed
      for (const { server } of sessions.values()) await server.close()
    },
  }
}
