import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** A client with one connection, which it keeps. */
export interface Client extends Disposable {
  /** Rejects when the connection was lost meanwhile. */
  send(method: 'GET' | 'POST', path: string, body?: string): Promise<{ status: number; text: string }>
}

export function openClient(url: string): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let isConnected = false
  return {
    async send(method, path, body) {
      const sent = request(`${url}${path}`, { agent, method }).end(body)
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      if (isConnected && !sent.reusedSocket) throw new Error('the connection was lost')
      isConnected = true
      return { status: response.statusCode!, text: await text(response) }
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}
