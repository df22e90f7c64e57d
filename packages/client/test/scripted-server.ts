import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request as it came. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly SeenRequest[]
  /** Resolves once so many requests came. */
  untilRequests(count: number): Promise<void>
  /** Cuts every connection that is open. */
  cut(): void
}

export type Script = (response: ServerResponse, request: SeenRequest, index: number) => void

/** A server that answers as it is told: for what a real one does not do. */
export async function startScripted(script: Script): Promise<ScriptedServer> {
  const requests: SeenRequest[] = []
  const watchers = new Set<() => void>()
  const server = createServer((request, response) => void answer(request, response))

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const seen = { method: request.method!, path: request.url!, headers: request.headers, body }
    requests.push(seen)
    for (const look of watchers) look()
    script(response, seen, requests.length - 1)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    requests,
    untilRequests: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (requests.length < count) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      }),
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** Answers with a stream that stays open. */
export function stream(
  response: ServerResponse,
  beginning = '',
  headers: Record<string, string> = {},
): ServerResponse {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', ...headers })
  response.flushHeaders()
  if (beginning !== '') response.write(beginning)
  return response
}
