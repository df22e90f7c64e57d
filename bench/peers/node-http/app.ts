import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { text } from 'node:stream/consumers'

/** What every tutorial shows: a set of responses, and a loop that writes to each. */
const topics = new Map<string, Set<ServerResponse>>()

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const topic = request.url ?? '/'
  if (request.method === 'GET') {
    let readers = topics.get(topic)
    if (readers === undefined) topics.set(topic, (readers = new Set()))
    const readersOfTopic = readers.add(response)
    response.on('close', () => readersOfTopic.delete(response))
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
    response.flushHeaders()
    return
  }
  const frame = `data: ${await text(request)}\n\n`
  for (const reader of topics.get(topic) ?? []) reader.write(frame)
  response.writeHead(204).end()
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  serve(request, response).catch((error: unknown) => response.destroy(error as Error))
}

const [, , port, cert, key] = process.argv
const server =
  cert === undefined || key === undefined
    ? createServer(answer)
    : createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, answer)
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 })
