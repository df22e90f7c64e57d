import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Channel, createChannel, createSession } from 'better-sse'

/** The guide's "channels": each reader is a session, registered with its topic's channel. */
const channels = new Map<string, Channel>()

function channelOf(topic: string): Channel {
  let channel = channels.get(topic)
  if (channel === undefined) channels.set(topic, (channel = createChannel()))
  return channel
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const channel = channelOf(request.url ?? '/')
  if (request.method === 'GET') {
    channel.register(await createSession(request, response))
    return
  }
  channel.broadcast(await text(request))
  response.writeHead(204).end()
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => response.destroy(error as Error))
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
