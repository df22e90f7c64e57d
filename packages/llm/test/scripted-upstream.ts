import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One response that a test writes as the API would. */
export interface Reply {
  /** The JSON that the client sent. */
  readonly body: unknown
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>
  /** Sends the head of an event stream, unless another status or type is given. */
  head(status?: number, headers?: Record<string, string>): void
  /** Resolves when the bytes have left this process. Sends the head if that has not happened. */
  write(bytes: string | Uint8Array): Promise<void>
  end(): void
  /** Breaks the connection off. */
  cut(): void
}

export type Script = (reply: Reply) => Promise<void> | void

/** An API on loopback that answers every request as the test says. */
export interface ScriptedUpstream {
  readonly url: string
  /** How many requests have arrived. */
  readonly requests: number
  script: Script
  close(): void
}

export async function startUpstream(): Promise<ScriptedUpstream> {
  let requests = 0
  const server = createServer((request, response) => void respond(request, response))
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const closed = new Promise<void>((resolve) => void response.on('close', resolve))
    const reply: Reply = {
      body: text === '' ? undefined : JSON.parse(text),
      closed,
      head: (status = 200, headers = {}) => {
        response.writeHead(status, { 'Content-Type': 'text/event-stream; charset=utf-8', ...headers })
        response.flushHeaders()
      },
      async write(bytes) {
        if (!response.headersSent) reply.head()
        if (response.destroyed) return
        await Promise.race([new Promise((resolve) => response.write(bytes, resolve)), closed])
      },
      end: () => void response.end(),
      cut: () => response.destroy(),
    }
    await upstream.script(reply)
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const upstream: ScriptedUpstream = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    script: (reply) => reply.end(),
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return upstream
}

/** Sends a complete answer, in chunks that end anywhere. */
export function sends(
  answer: string,
  chunkBytes = answer.length,
  headers: Record<string, string> = {},
): Script {
  return async (reply) => {
    const bytes = Buffer.from(answer)
    reply.head(200, headers)
    for (let at = 0; at < bytes.length; at += chunkBytes)
      await reply.write(bytes.subarray(at, at + chunkBytes))
    reply.end()
  }
}
